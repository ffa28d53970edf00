import { isIP } from 'node:net';
import mailProviders from 'free-email-domains';
import { parse } from 'tldts';
import { toASCII, toUnicode } from 'tr46';
import { printable } from './printable.ts';
import { Problem } from './problem.ts';

/** What an order may ask for: a name, and whether the name stands for all one label below it. */
export interface DnsName {
  /** Lowercase A-labels, no final dot, no `*.`. */
  name: string;
  wildcard: boolean;
}

export interface NamePolicy {
  wildcards: boolean;
  /** Names that are refused with all below them. */
  refuseNames: readonly string[];
  /** Special-use top-level domains are accepted, each as a public suffix of one label. */
  specialUse: boolean;
}

/** RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476 and ICANN's `.internal`: top-level domains that are nobody's. */
const specialUse = new Set([
  'alt',
  'example',
  'internal',
  'invalid',
  'local',
  'localhost',
  'onion',
  'test',
  'arpa',
  'home',
  'corp',
  'mail',
  'lan',
]);
const providers = new Set(mailProviders);

/** UTS #46 as registries apply it: nothing is mapped away silently, STD 3 letters, lengths checked. */
const strict = { checkBidi: true, checkHyphens: true, checkJoiners: true, useSTD3ASCIIRules: true, verifyDNSLength: true } as const;

/**
 * An ACME identifier (RFC 8555 §7.1.3) in normal form.
 * @throws Problem unsupportedIdentifier, malformed, rejectedIdentifier
 */
export function parseIdentifier(identifier: unknown, policy: NamePolicy): DnsName {
  const { type, value } = (identifier ?? {}) as { type?: unknown; value?: unknown };
  if (typeof type !== 'string' || typeof value !== 'string')
    throw new Problem('malformed', 'An identifier is an object with the strings "type" and "value".');
  if (type !== 'dns') throw new Problem('unsupportedIdentifier', `Identifiers of type "dns" only; this one is "${printable(type)}".`);
  return parseName(value, policy);
}

/** @throws Problem malformed, rejectedIdentifier */
export function parseName(value: string, policy: NamePolicy): DnsName {
  const wildcard = value.startsWith('*.');
  const name = parseSyntax(wildcard ? value.slice(2) : value);
  if (wildcard && !policy.wildcards)
    throw new Problem('rejectedIdentifier', `Wildcards are not issued here; name each host instead of "${value}".`);
  checkSuffix(name, policy);
  const provider = selfAndAncestors(name).find(n => providers.has(n));
  if (provider)
    throw new Problem('rejectedIdentifier', `"${provider}" is a public mail provider, whose mailboxes prove nothing about the domain.`);
  const refused = policy.refuseNames.map(n => n.toLowerCase()).find(n => isAtOrBelow(name, n));
  if (refused) throw new Problem('rejectedIdentifier', `The policy of this authority refuses "${refused}" and all names below it.`);
  return { name, wildcard };
}

/** RFC 1035 §2.3, RFC 1123 §2.1, RFC 5891 §4.2: syntax alone. */
function parseSyntax(value: string): string {
  const shown = printable(value);
  if (isIP(value.replace(/^\[|\]$/g, '')))
    throw new Problem('rejectedIdentifier', `"${shown}" is an IP address; only domain names are certified.`);
  if (/[^\x00-\x7f]/.test(value)) throw new Problem('malformed', `"${shown}" is to be sent as A-labels${aLabelHint(value)}.`);
  if (value.endsWith('.')) throw new Problem('malformed', `"${shown}": leave the final dot out.`);
  if (value.length > 253) throw new Problem('malformed', `A domain name has 253 characters at most; this one has ${value.length}.`);
  const name = value.toLowerCase();
  const labels = name.split('.');
  for (const label of labels) {
    if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label))
      throw new Problem(
        'malformed',
        `"${shown}" is no domain name: a label has letters, digits and inner hyphens ("${printable(label)}").`,
      );
    if (label.length > 63) throw new Problem('malformed', `"${shown}": a label has 63 characters at most.`);
    if (label.slice(2, 4) === '--' && !isALabel(label)) throw new Problem('malformed', `"${shown}": "${label}" is no valid A-label.`);
  }
  if (/^\d+$/.test(labels.at(-1) ?? '')) throw new Problem('malformed', `"${shown}": the last label cannot be a number.`);
  if (labels.length < 2) throw new Problem('rejectedIdentifier', `"${shown}" is a single label; a fully qualified domain name is needed.`);
  return name;
}

function isALabel(label: string): boolean {
  if (!label.startsWith('xn--')) return false;
  const { domain, error } = toUnicode(label, strict);
  return !error && domain !== label && toASCII(domain, strict) === label;
}

/** Only for what can be a name: Punycode takes quadratic time. */
function aLabelHint(value: string): string {
  if (value.length > 253) return '';
  const ascii = toASCII(value, strict);
  return ascii ? ` ("${ascii}")` : '';
}

function checkSuffix(name: string, policy: NamePolicy): void {
  const top = name.slice(name.lastIndexOf('.') + 1);
  if (specialUse.has(top)) {
    if (!policy.specialUse) throw new Problem('rejectedIdentifier', `".${top}" is a special-use or private domain that nobody can own.`);
    return;
  }
  const { isIcann, isPrivate, domain, publicSuffix } = parse(name, { allowPrivateDomains: true, validateHostname: false });
  if (!isIcann && !isPrivate) throw new Problem('rejectedIdentifier', `".${top}" is not a top-level domain of the public suffix list.`);
  if (!domain) throw new Problem('rejectedIdentifier', `"${publicSuffix}" is a public suffix; a name below it is needed.`);
}

/** The registrable domain by the public suffix list with its private section; special-use top-level domains are suffixes of one label. */
export function registrableDomain(name: string): string {
  const labels = name.split('.');
  if (specialUse.has(labels.at(-1) ?? '')) return labels.slice(-2).join('.');
  return parse(name, { allowPrivateDomains: true, validateHostname: false }).domain ?? name;
}

/** The name and each ancestor of it. */
export function selfAndAncestors(name: string): string[] {
  const labels = name.split('.');
  return labels.map((_, i) => labels.slice(i).join('.'));
}

/** The name and its ancestors down to the registrable domain. */
export function withinRegistrable(name: string): string[] {
  const floor = registrableDomain(name).split('.').length;
  return selfAndAncestors(name).filter(n => n.split('.').length >= floor);
}

export function isAtOrBelow(name: string, ancestor: string): boolean {
  return name === ancestor || name.endsWith(`.${ancestor}`);
}

/** Whether a name is a wildcard that stands for the domain: for one label (RFC 6125 §6.4.3). */
export const isWildcardFor = (name: string, domain: string): boolean =>
  name.startsWith('*.') && name.slice(2) === domain.replace(/^[^.]+\./, '');

/** U-labels, for XmppAddr (RFC 3920 §5.1.1) and for people. */
export function unicodeName(name: string): string {
  return toUnicode(name, strict).domain;
}

/** As an identifier's value: with `*.` where it stands for all below. */
export function identifierValue({ name, wildcard }: DnsName): string {
  return wildcard ? `*.${name}` : name;
}
