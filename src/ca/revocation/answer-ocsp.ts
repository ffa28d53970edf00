import type { Ctx, SigningIssuer } from '../../ctx.ts';
import type { ProfileName } from '../../model/certificate.ts';
import { Lru } from '../../model/lru.ts';
import { seconds } from '../../model/seconds.ts';
import {
  type CertId,
  issuerHashes,
  MalformedRequest,
  type OcspError,
  type OcspRequest,
  type OcspStatus,
  ocspError,
  ocspSigner,
  readOcspRequest,
  type SignOcsp,
  type SingleResponse,
} from '../../pki/ocsp.ts';
import { unrevocableProfiles } from '../../pki/profiles/table.ts';
import { findStatus, type StatusFacts } from '../../store/certificates.ts';
import { responderCredential } from '../authority/credentials.ts';
import { OcspAnswers, type OcspOutcome, type SharedAnswer } from './ocsp-cache.ts';

/** Seconds from thisUpdate to nextUpdate, and those in which an answer is given again. */
const lifetime = seconds.day;
const freshness = seconds.hour;

/** Bytes of requests that are kept as read. */
const remembered = 16 << 20;

/** Signatures under way, from which on a nonce goes unanswered (RFC 9654 §2.1), and from which on nothing more is signed. */
const many = 100;
const most = 1000;

/** DER and what it says; with its times where everyone who asks alike gets the same, else with the asker's nonce. */
export type OcspAnswer = { der: Uint8Array; refusal: OcspError } | { der: Uint8Array; outcome: OcspOutcome; nonce: true } | SharedAnswer;

/** DER request in, answer out. */
export type OcspResponder = (request: Uint8Array) => Promise<OcspAnswer>;

interface Responder {
  sign: SignOcsp;
  notAfter: number;
}

class Refusal extends Error {
  readonly answer: OcspError;

  constructor(answer: OcspError, options?: ErrorOptions) {
    super(answer, options);
    this.answer = answer;
  }
}

/** A request, with the exact CertIDs as a key. */
type Question = OcspRequest & { key: string; size: number };

/** Reads requests; those without a nonce come again and again, and are read once. @throws MalformedRequest */
function questionReader(): (request: Uint8Array) => Question {
  const known = new Lru<Question>(remembered);
  return request => {
    const text = latin1(request);
    const before = known.get(text);
    if (before) return before;
    // A copy: these bytes may be a part of a large buffer, which would be kept with them.
    const read = readOcspRequest(new Uint8Array(request));
    const question = { ...read, key: read.certIds.map(c => latin1(c.bytes)).join(''), size: 10 * request.length };
    if (!read.nonce) known.set(text, question);
    return question;
  };
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** RFC 6960 with delegated responders (§2.6). Without a nonce an answer is given again until a certificate of its issuer is revoked. */
export function ocspResponder(ctx: Ctx): OcspResponder {
  const responders = new Map<string, Promise<Responder>>();
  const answers = new OcspAnswers(ctx);
  const read = questionReader();
  let waiting = 0;

  /** One after another: a first burst of requests opens one credential, not one each. */
  function responderOf(issuer: SigningIssuer): Promise<Responder> {
    const before = responders.get(issuer.id);
    const next = (async () => {
      const held = await before?.catch(() => undefined);
      // A day is left for answers that it has signed; none outlasts its issuer.
      if (held && held.notAfter > Math.min(ctx.now() + 2 * lifetime, issuer.notAfter - 1)) return held;
      const { certificate, signer, notAfter } = await responderCredential(ctx, issuer);
      return { sign: ocspSigner(certificate, signer), notAfter };
    })();
    responders.set(issuer.id, next);
    return next;
  }

  async function sign(issuer: SigningIssuer, certIds: CertId[], nonce?: Uint8Array): Promise<SharedAnswer> {
    if (waiting >= most) throw new Refusal('tryLater');
    waiting++;
    try {
      const now = ctx.now();
      const { responses, until } = await statuses(ctx, issuer, certIds, now);
      const responder = await responderOf(issuer);
      const nextUpdate = Math.min(now + lifetime, responder.notAfter);
      const der = await responder.sign({ responses, producedAt: now, thisUpdate: now, nextUpdate, ...(nonce && { nonce }) });
      // As bytes, as the string that is sent, and what names it.
      const size = 3 * der.length + 500;
      const outcome = responses.some(r => r.status.status === 'revoked') ? 'revoked' : 'good';
      return { der, outcome, size, thisUpdate: now, nextUpdate, until: Math.min(now + freshness, until) };
    } finally {
      waiting--;
    }
  }

  return async request => {
    try {
      const { certIds, nonce, key } = read(request);
      const issuer = issuerOf(ctx, certIds);
      if (!issuer) throw new Refusal('unauthorized');
      if (nonce && waiting < many) {
        const { der, outcome } = await sign(issuer, certIds, nonce);
        return { der, outcome, nonce: true };
      }
      const late = answers.catchUp(issuer.id);
      if (late) await reading(late);
      return answers.find(issuer.id, key) ?? (await answers.make(issuer.id, key, () => sign(issuer, certIds)));
    } catch (error) {
      const refusal = refusalOf(ctx, error);
      return { der: ocspError(refusal), refusal };
    }
  };
}

function refusalOf(ctx: Ctx, error: unknown): OcspError {
  if (error instanceof MalformedRequest) return 'malformedRequest';
  const refused = error instanceof Refusal ? error : undefined;
  if (!refused || refused.cause) ctx.log.error({ err: refused?.cause ?? error }, 'OCSP failed');
  return refused?.answer ?? 'internalError';
}

/** What the database does not say now it may say soon. */
const reading = <T>(work: Promise<T>): Promise<T> =>
  work.catch(cause => {
    throw new Refusal('tryLater', { cause });
  });

const hashes = new WeakMap<SigningIssuer, Record<NonNullable<CertId['hash']>, { name: string; key: string }>>();

/** The one issuer of ours that all CertIDs name. */
function issuerOf(ctx: Ctx, certIds: CertId[]): SigningIssuer | undefined {
  for (const each of ctx.authority.issuers.values()) {
    if (!each.signer) continue;
    const issuer = each as SigningIssuer;
    const { subject, spki } = issuer;
    const known = hashes.get(issuer) ?? { sha1: issuerHashes('sha1', subject, spki), sha256: issuerHashes('sha256', subject, spki) };
    hashes.set(issuer, known);
    const names = ({ hash, issuerNameHash, issuerKeyHash }: CertId) =>
      hash !== undefined && known[hash].name === issuerNameHash && known[hash].key === issuerKeyHash;
    if (certIds.every(names)) return issuer;
  }
  return undefined;
}

/** RFC 9919 §3.2.3: what was never issued, has expired or has no status is not answered for, and never `good`. @throws Refusal */
async function statuses(
  ctx: Ctx,
  issuer: SigningIssuer,
  certIds: CertId[],
  now: number,
): Promise<{ responses: SingleResponse[]; until: number }> {
  const responses: SingleResponse[] = [];
  let until = Number.POSITIVE_INFINITY;
  for (const certId of certIds) {
    const certificate = await reading(findStatus(ctx.db, certId.serial));
    const status = certificate?.issuerId === issuer.id ? statusOf(certificate, now) : undefined;
    if (!certificate || !status) throw new Refusal('unauthorized');
    responses.push({ certId, status });
    until = Math.min(until, certificate.notAfter + 1);
  }
  return { responses, until };
}

/** Abandoned serials are revoked; committed ones are not issued yet. */
function statusOf({ state, notAfter, profile, revocation }: StatusFacts, now: number): OcspStatus | undefined {
  if (state === 'committed' || notAfter < now || unrevocableProfiles.includes(profile as ProfileName)) return undefined;
  return revocation ? { status: 'revoked', at: revocation.at, reason: revocation.reason } : { status: 'good' };
}
