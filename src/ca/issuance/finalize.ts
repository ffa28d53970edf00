import { checkCaa } from '../../challenges/caa.ts';
import type { Ctx } from '../../ctx.ts';
import type { Account } from '../../model/account.ts';
import { type Actor, clock } from '../../model/audit.ts';
import { type Authorization, authorizationStatus } from '../../model/authorization.ts';
import type { Certificate, ProfileName } from '../../model/certificate.ts';
import { hex } from '../../model/encoding.ts';
import { identifierValue } from '../../model/identifier.ts';
import { type Order, orderStatus } from '../../model/order.ts';
import { about, asProblem, compound, Problem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import { within } from '../../net/deadline.ts';
import { encodeTbs } from '../../pki/certificate.ts';
import { type CsrFacts, readCsr } from '../../pki/csr.ts';
import { leafSpec, newSerial, shardOf } from '../../pki/issue.ts';
import { lint } from '../../pki/lint.ts';
import { unrevocableProfiles } from '../../pki/profiles/table.ts';
import { findAccountAndMember, isAccountKey } from '../../store/accounts.ts';
import { findAuthorizations } from '../../store/authorizations.ts';
import { keyStanding } from '../../store/blocked-keys.ts';
import { abandonCertificate, claimCommitted, commitCertificate, firstFence, moveCertificate } from '../../store/certificates.ts';
import type { Db, Trx } from '../../store/open.ts';
import { findOrder, moveOrder } from '../../store/orders.ts';
import { findProof } from '../../store/proofs.ts';
import { type Act, type Applicant, transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { certificateSubject } from '../audit/subjects.ts';
import { reloadAuthority } from '../authority/hierarchy.ts';
import { rowMac, signCommitted } from '../authority/sign-committed.ts';
import { refuseSuspended } from '../domains/authorize.ts';
import { accountUrl } from '../ids.ts';
import { queueMessage } from '../mail/queue-message.ts';
import { compareNames } from './compare-names.ts';
import { refuseDuplicateHere } from './limit-duplicates.ts';

/** Seconds for the CAA lookups of all names together, and that a process keeps a committed row for itself. */
const caaDeadline = 15;
const claim = 30;
/** Seconds after which a committed row is given up. */
const abandonAfter = 600;

/**
 * Issues the certificate of a ready order (RFC 8555 §7.4). A fault of CSR, key or CAA leaves the order as it was.
 * A repeated call with the same CSR does nothing.
 * @returns the order as it is now
 * @throws Problem
 */
export async function finalize(ctx: Ctx, { account, member, actor }: Applicant, order: Order, csr: Uint8Array): Promise<Order> {
  const csrHash = sha256(csr);
  if (order.csrHash && Buffer.from(order.csrHash).equals(csrHash)) return order;
  refuseSuspended(member);
  const authorizations = await findAuthorizations(ctx.db, order.authorizationIds);
  const status = orderStatus(order, authorizations, ctx.now());
  if (status !== 'ready') throw new Problem('orderNotReady', notReady(order, authorizations, status, ctx.now()));
  if (order.notAfter !== undefined && order.notAfter <= ctx.now())
    throw new Problem('orderNotReady', 'The "notAfter" that the order asks for has passed; make a new order.');

  const facts = readCsr(csr, ctx.weakKeys);
  compareNames(facts, order.names);
  await checkKey(ctx, facts.publicKey.spkiHash, facts.publicKey.thumbprint);
  await checkCaaOfAll(ctx, account.id, authorizations);

  const certificate = buildCertificate(ctx, order, account, facts);
  if (!(await transact(ctx, actor, act => commit(act, { account, order, certificate, csrHash }))))
    return finalizedMeanwhile(ctx, order, csrHash);
  await complete(ctx, certificate, firstFence, actor);
  return { ...order, state: 'valid', csrHash, serial: certificate.serial };
}

function notReady(order: Order, authorizations: Authorization[], status: string, now: number): string {
  if (status === 'processing' || status === 'valid') return `The order is ${status} with another CSR; make a new order.`;
  const open = authorizations.filter(a => authorizationStatus(a, now) !== 'valid').map(a => `${a.name} (${authorizationStatus(a, now)})`);
  if (order.state === 'open' && order.expiresAt <= now) return 'The order has expired; make a new order.';
  return `The order is ${status}${open.length ? `; not authorized: ${open.join(', ')}` : ''}.`;
}

/** @throws Problem badCSR */
async function refuseKnown(trx: Trx, spkiHash: Uint8Array, now: number): Promise<void> {
  const { blocked, revoked } = await keyStanding(trx, spkiHash, unrevocableProfiles, now);
  if (blocked) throw new Problem('badCSR', "The CSR's key was reported as compromised and is blocked for ever; make a new key.");
  if (revoked) throw new Problem('badCSR', "The CSR's key is that of a short-lived certificate that was revoked; make a new key.");
}

/** Not an account's or a former account's, not the authority's own; whether it is blocked is seen when the row is committed. @throws Problem badCSR */
async function checkKey(ctx: Ctx, spkiHash: Uint8Array, thumbprint: string): Promise<void> {
  if (await isAccountKey(ctx.db, thumbprint))
    throw new Problem('badCSR', "The CSR's key is the key of an ACME account; a certificate needs a key of its own.");
  for (const { spki } of ctx.authority.issuers.values())
    if (Buffer.from(sha256(spki)).equals(Buffer.from(spkiHash))) throw new Problem('badCSR', "The CSR's key is a key of this authority.");
}

/** RFC 8659 near issuance: names in parallel, one deadline. @throws Problem with a subproblem for each name */
async function checkCaaOfAll(ctx: Ctx, accountId: string, authorizations: Authorization[]): Promise<void> {
  const accountUri = accountUrl(ctx.config.publicUrl, accountId);
  const identities = ctx.config.validation.caaIdentities;
  const problemsOf = (signal: AbortSignal) =>
    authorizations.map(async ({ name, wildcard, method }) => {
      try {
        if (!method) throw new Error(`the authorization of ${name} has no method`);
        await checkCaa(ctx.net, { name, wildcard, method, accountUri, identities }, signal);
        return [];
      } catch (error) {
        const problem = asProblem(error);
        // A lookup that fails forbids issuance as a record does (RFC 8659 §3).
        return [
          about(name, problem.type === 'dns' ? new Problem('caa', `The CAA records cannot be looked up: ${problem.detail}`) : problem),
        ];
      }
    });
  const all = (await within(caaDeadline * 1000, ctx.background.ending, signal => Promise.all(problemsOf(signal)))).flat();
  if (all.length) throw compound(all, 'CAA forbids issuance for some names.');
}

/** What an entry of the audit log can hold, 65,535 bytes, holds the certificate in base64. Many long names make no use of a certificate that clients refuse for its size. */
const mostBytes = 45_000;

/** The exact bytes to be signed, linted. */
function buildCertificate(ctx: Ctx, order: Order, account: Account, { publicKey }: CsrFacts): Certificate {
  const { policy } = ctx.config;
  const issuer = ctx.authority.active;
  const serial = newSerial(ctx.random);
  const shard = shardOf(serial, ctx.config.status.crlShards);
  const spec = leafSpec(
    {
      profile: order.profile as ProfileName,
      names: order.names,
      publicKey,
      serial,
      now: ctx.now(),
      asked: {
        ...(order.notBefore !== undefined && { notBefore: order.notBefore }),
        ...(order.notAfter !== undefined && { notAfter: order.notAfter }),
      },
      policies: policy.policyOids.map(id => ({ id, cps: policy.cpsUrl })),
      statusUrl: ctx.config.status.publicUrl,
      shard,
    },
    issuer,
  );
  const tbs = encodeTbs(spec);
  if (tbs.length > mostBytes)
    throw new Problem(
      'malformed',
      `A certificate for these ${order.names.length} names would have ${tbs.length} bytes; ${mostBytes} are the most. Order it for fewer names.`,
    );
  lint(tbs, spec);
  const row = {
    serial: hex(spec.serial),
    issuerId: issuer.id,
    shard,
    orderId: order.id,
    ...(order.replaces && { replaces: order.replaces.serial }),
    accountId: account.id,
    ...(account.memberId !== undefined && { memberId: account.memberId }),
    profile: order.profile,
    names: order.names,
    notBefore: spec.notBefore,
    notAfter: spec.notAfter,
    spkiHash: publicKey.spkiHash,
    tbs,
    committedAt: ctx.now(),
  };
  return { ...row, state: 'committed', mac: rowMac(ctx, row) };
}

interface Commitment {
  account: Account;
  order: Order;
  certificate: Certificate;
  csrHash: Uint8Array;
}

/**
 * Serial and bytes are known to the database before the key touches them; membership, proof and key are looked at again in that same transaction.
 * @returns false where another request was first
 */
async function commit(act: Act, { account, order, certificate, csrHash }: Commitment): Promise<boolean> {
  const { ctx, trx, now } = act;
  if (!(await moveOrder(trx, order.id, 'open', 'processing', { csrHash, certificate }))) return false;
  await checkStanding(trx, order, now);
  await refuseKnown(trx, certificate.spkiHash, now);
  // Orders may have been made in plenty before; one that replaces a certificate is one for each.
  if (!order.replaces) await refuseDuplicateHere(ctx, trx, account, order.names);
  await commitCertificate(trx, certificate, claim);
  const { names, profile } = certificate;
  await record(act, { action: 'certificate.committed', subject: certificateSubject(certificate), detail: { names, profile } });
  return true;
}

/** A client that gave up waiting has sent the same request again: it gets the order that the first one moves on. @throws Problem */
async function finalizedMeanwhile(ctx: Ctx, { id }: Order, csrHash: Uint8Array): Promise<Order> {
  const now = await findOrder(ctx.db, id);
  if (now?.csrHash && Buffer.from(now.csrHash).equals(csrHash)) return now;
  throw new Problem('orderNotReady', 'The order was finalized with another CSR meanwhile; make a new order.');
}

/** Whether account, member, proofs and authorizations of an order still let it be issued. @throws Problem */
async function checkStanding(db: Db, order: Order, now: number): Promise<void> {
  const found = await findAccountAndMember(db, order.accountId);
  if (found?.account.status !== 'valid') throw new Problem('unauthorized', 'The account was deactivated.');
  refuseSuspended(found.member);
  const authorizations = await findAuthorizations(db, order.authorizationIds);
  const covered = new Set(authorizations.filter(a => a.accountId === order.accountId).map(identifierValue));
  const bare = order.names.find(n => !covered.has(n));
  if (bare !== undefined) throw new Problem('orderNotReady', `There is no authorization for ${bare}.`);
  for (const authorization of authorizations) {
    const status = authorizationStatus(authorization, now);
    if (status !== 'valid') throw new Problem('orderNotReady', `The authorization of ${authorization.name} is ${status}.`);
    if (authorization.proofId === undefined) continue;
    const proof = await findProof(db, authorization.proofId);
    if (proof?.status !== 'valid' || proof.expiresAt <= now)
      throw new Problem('unauthorized', `The domain proof behind ${authorization.name} has ended.`);
  }
}

/** Signs the stored bytes. Certificate, order, audit and notice are one transaction; only then do the bytes leave. @throws where the claim was lost, or the key blocked meanwhile */
async function complete(ctx: Ctx, certificate: Certificate, fence: number, actor: Actor): Promise<void> {
  const der = await signCommitted(ctx, certificate);
  await transact(ctx, actor, async act => {
    const { trx, now } = act;
    await refuseKnown(trx, certificate.spkiHash, now);
    if (!(await moveCertificate(trx, certificate.serial, 'issued', fence, { der })))
      throw new Error(`another process has taken up the certificate ${certificate.serial}`);
    if (certificate.orderId !== undefined) await moveOrder(trx, certificate.orderId, 'processing', 'valid');
    await record(act, { action: 'certificate.issued', subject: certificateSubject(certificate) });
    // The clock delivers it, with others.
    if (certificate.memberId !== undefined) await queueMessage(act, { kind: 'issued', refs: { serial: certificate.serial } });
  });
  ctx.metrics.issued(certificate.profile);
}

/** Takes up what a crash left committed, one row after another: repeats every check and signs the stored bytes, or gives them up. */
export async function recoverCommitted(ctx: Ctx): Promise<void> {
  // The row may be of an issuing CA that this process has not heard of.
  await reloadAuthority(ctx);
  for (;;) {
    const claimed = await claimCommitted(ctx.db, claim);
    if (!claimed) return;
    try {
      await recover(ctx, claimed.certificate, claimed.fence);
    } catch (error) {
      ctx.log.warn({ err: error, serial: claimed.certificate.serial }, 'a committed certificate was given up');
      await abandon(ctx, claimed.certificate, claimed.fence, asProblem(error));
    }
  }
}

async function recover(ctx: Ctx, certificate: Certificate, fence: number): Promise<void> {
  if (certificate.orderId === undefined)
    throw new Problem('serverInternal', 'The process ended while it made a certificate of its own, whose key is gone.');
  if (certificate.committedAt + abandonAfter <= ctx.now())
    throw new Problem('serverInternal', 'The server was interrupted for too long while it issued; make a new order.');
  const order = await findOrder(ctx.db, certificate.orderId);
  if (!order) throw new Error(`the order ${certificate.orderId} is gone`);
  // The slow check first: what it takes long enough to change is looked at after it.
  await checkCaaOfAll(ctx, order.accountId, await findAuthorizations(ctx.db, order.authorizationIds));
  await checkStanding(ctx.db, order, ctx.now());
  await complete(ctx, certificate, fence, clock);
}

async function abandon(ctx: Ctx, certificate: Certificate, fence: number, problem: Problem): Promise<void> {
  await transact(ctx, clock, async act => {
    const { trx, now } = act;
    if (!(await abandonCertificate(trx, certificate.serial, fence, now))) return;
    if (certificate.orderId !== undefined) await moveOrder(trx, certificate.orderId, 'processing', 'invalid', { error: problem.toJSON() });
    const what = { subject: certificateSubject(certificate), detail: { reason: problem.detail } };
    if (certificate.orderId !== undefined) await record(act, { action: 'order.invalid', ...what });
    await record(act, { action: 'certificate.abandoned', ...what });
    ctx.metrics.abandoned();
  });
}
