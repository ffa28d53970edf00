import type { Ctx, SigningIssuer } from '../../ctx.ts';
import { seconds } from '../../model/seconds.ts';
import { readCertificate } from '../../pki/certificate.ts';
import { crlUrl } from '../../pki/issue.ts';
import { checkCrl, checkOcspAnswer, writeOcspRequest } from '../../pki/relying-party.ts';
import type { CrlScope } from '../../store/crls.ts';
import { countObservation, lastObservation, type ObservedService } from '../../store/observations.ts';
import { responderCredential } from '../authority/credentials.ts';
import { crlScopes, endingCrls } from '../authority/publish-crl.ts';
import { underLease } from '../under-lease.ts';

/** A request to the status listener. @throws where nobody answers, `NotListening` where it has been closed */
export type AskStatus = (method: 'GET' | 'POST', path: string, body?: Uint8Array) => Promise<{ status: number; body: Uint8Array }>;

/** The server ends, which says nothing of how it serves. */
export class NotListening extends Error {}

/** Looks at CRLs and OCSP of each issuing CA as a relying party does; once a minute, by one process of many. */
export async function observeStatus(ctx: Ctx, ask: AskStatus): Promise<void> {
  await underLease(ctx, 'observe status', async () => {
    const now = ctx.now();
    const last = await lastObservation(ctx.db);
    if (last !== undefined && Math.floor(last / seconds.minute) >= Math.floor(now / seconds.minute)) return;
    const issuers = [...ctx.authority.issuers.values()].filter(
      (issuer): issuer is SigningIssuer => issuer.signer !== undefined && issuer.notAfter > now,
    );
    await observe(ctx, now, 'crl', async () => {
      const scopes = await crlScopes(ctx);
      for (const issuer of issuers) await lookAtCrl(ctx, ask, issuer, scopes, now);
      const [ended] = await endingCrls(ctx, 0);
      if (ended) throw new Error(`the CRL ${ended.shard} of ${ended.issuerId} has ended`);
    });
    await observe(ctx, now, 'ocsp', async () => {
      for (const issuer of issuers) await askOcsp(ctx, ask, issuer);
    });
  });
}

/** Whatever goes wrong is what was seen, in the minute in which the look began: one that takes long does not put off the next. */
async function observe(ctx: Ctx, now: number, service: ObservedService, look: () => Promise<void>): Promise<void> {
  const error: unknown = await look().then(
    () => undefined,
    error => error ?? 'failed',
  );
  if (ctx.background.ending.aborted || error instanceof NotListening) return;
  const failure = error instanceof Error ? error.message : error === undefined ? undefined : String(error);
  if (failure !== undefined) ctx.log.warn({ service, reason: failure }, 'a status service is not as it should be');
  await countObservation(ctx.db, now, service, failure);
}

/** Of the complete CRL and its shards, each in its turn. */
async function lookAtCrl(ctx: Ctx, ask: AskStatus, issuer: SigningIssuer, scopes: readonly CrlScope[], now: number): Promise<void> {
  const shards = scopes.filter(({ issuerId }) => issuerId === issuer.id).map(({ shard }) => shard);
  const shard = shards[Math.floor(now / seconds.minute) % shards.length];
  checkCrl(await answerTo(ask('GET', crlUrl('', issuer.id, shard))), issuer, ctx.now());
}

/** About the responder's own certificate: there is always one. */
async function askOcsp(ctx: Ctx, ask: AskStatus, issuer: SigningIssuer): Promise<void> {
  const { certificate, signer } = await responderCredential(ctx, issuer);
  const { serial } = readCertificate(certificate);
  const nonce = ctx.random(16);
  const der = await answerTo(ask('POST', '/ocsp', writeOcspRequest(issuer, serial, nonce)));
  checkOcspAnswer(der, { serial, nonce, spki: signer.spki, now: ctx.now() });
}

async function answerTo(asked: ReturnType<AskStatus>): Promise<Uint8Array> {
  const { status, body } = await asked;
  if (status !== 200) throw new Error(`it answers ${status}`);
  return body;
}
