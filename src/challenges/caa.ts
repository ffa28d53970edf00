import { type ChallengeTypeName, caaMethodLabels } from '../model/challenge.ts';
import { type DnsName, selfAndAncestors } from '../model/identifier.ts';
import { Problem } from '../model/problem.ts';
import type { CaaProperty, Network } from '../net/network.ts';

export interface CaaQuestion extends DnsName {
  method: ChallengeTypeName;
  /** RFC 8657 §3: the account that asks. */
  accountUri: string;
  /** Names that a record may carry for us. */
  identities: readonly string[];
}

/**
 * Whether the domain's CAA records let us issue (RFC 8659, RFC 8657).
 * @returns the record set that was relevant, for the audit log; undefined where there is none
 * @throws Problem caa, or dns where a lookup failed
 */
export async function checkCaa(
  net: Network,
  question: CaaQuestion,
  signal?: AbortSignal,
): Promise<{ at: string; value: string } | undefined> {
  for (const domain of selfAndAncestors(question.name)) {
    const set = await net.caa(domain, signal);
    if (set.length === 0) continue;
    const value = authorizing(set, question, domain);
    return { at: domain, value };
  }
  return undefined;
}

const known = new Set(['issue', 'issuewild', 'iodef']);

/** RFC 8659 §4: the property that authorizes us. @throws Problem */
function authorizing(set: CaaProperty[], question: CaaQuestion, domain: string): string {
  const stranger = set.find(p => p.critical && !known.has(p.tag));
  if (stranger)
    throw new Problem(
      'caa',
      `The CAA record set of ${domain} has a critical property "${stranger.tag}" that this authority does not know.`,
    );
  const issue = set.filter(p => p.tag === 'issue');
  const issuewild = set.filter(p => p.tag === 'issuewild');
  const properties = question.wildcard && issuewild.length ? issuewild : issue;
  if (properties.length === 0) return '';
  const reasons: string[] = [];
  for (const { value } of properties) {
    const reason = objection(value, question);
    if (reason === undefined) return value;
    reasons.push(reason);
  }
  throw new Problem('caa', `The CAA records of ${domain} do not let this authority issue: ${[...new Set(reasons)].join('; ')}.`);
}

/** Why a property does not authorize us; undefined where it does. */
function objection(value: string, { identities, accountUri, method }: CaaQuestion): string | undefined {
  const parsed = parseIssue(value);
  if (!parsed) return 'a property cannot be parsed and authorizes nobody';
  if (!identities.some(i => i.toLowerCase() === parsed.issuer))
    return parsed.issuer ? 'they name other authorities' : 'they forbid every authority';
  const { accounturi, validationmethods } = parsed.parameters;
  if (accounturi !== undefined && accounturi !== accountUri) return 'they name another account (accounturi)';
  const label = caaMethodLabels[method];
  if (validationmethods !== undefined && !readMethods(validationmethods).includes(label))
    return `they do not allow the validation method ${label}`;
  return undefined;
}

interface Issue {
  /** Lowercase; empty: nobody. */
  issuer: string;
  parameters: Record<string, string | undefined>;
}

/** RFC 8657 §4: `[*(label ",") label]`; a value of another form allows no method. */
function readMethods(value: string): string[] {
  return /^[a-z0-9-]+(,[a-z0-9-]+)*$/i.test(value) ? value.split(',') : [];
}

/** RFC 8659 §4.2; a duplicate or unparsable parameter makes the whole property authorize nobody (RFC 8657 §3). */
export function parseIssue(value: string): Issue | undefined {
  const [issuer = '', ...rest] = value.split(';').map(trim);
  if (issuer !== '' && !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i.test(issuer)) return undefined;
  const parameters: Record<string, string> = Object.create(null);
  // The first semicolon may stand alone; one behind a parameter announces another.
  if (rest.length === 1 && rest[0] === '') rest.pop();
  for (const part of rest) {
    const match = /^([a-z0-9](?:[a-z0-9-]*[a-z0-9])?)[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)$/i.exec(part);
    const tag = match?.[1]?.toLowerCase();
    if (!tag || tag in parameters) return undefined;
    parameters[tag] = match?.[2] ?? '';
  }
  return { issuer: issuer.toLowerCase(), parameters };
}

/** Without WSP at both ends, in one pass: a pattern would take quadratic time over a stranger's spaces. */
function trim(text: string): string {
  const blank = (i: number) => text[i] === ' ' || text[i] === '\t';
  let start = 0;
  let end = text.length;
  while (start < end && blank(start)) start++;
  while (end > start && blank(end - 1)) end--;
  return text.slice(start, end);
}
