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

/** A request to the status listener. @throws where nobody answers */
export type AskStatus = (method: 'GET' | 'POST', path: string, body?: Uint8Array) => Promise<{ status: number; body: Uint8Array }>;

/** One look at the status services. */
interface Look {
  ctx: Ctx;
  ask: AskStatus;
  /** Aborts when the listener is about to be closed: what is seen after that says nothing of how it serves. */
  ending: AbortSignal;
  /** When it began. */
  now: number;
}

/** Looks at CRLs and OCSP of each issuing CA as a relying party does; once a minute, by one process of many. */
export async function observeStatus(ctx: Ctx, ask: AskStatus, ending: AbortSignal = ctx.background.ending): Promise<void> {
  await underLease(ctx, 'observe status', async () => {
    const now = ctx.now();
    const last = await lastObservation(ctx.db);
    if (last !== undefined && Math.floor(last / seconds.minute) >= Math.floor(now / seconds.minute)) return;
    const look = { ctx, ask, ending, now };
    const issuers = [...ctx.authority.issuers.values()].filter(
      (issuer): issuer is SigningIssuer => issuer.signer !== undefined && issuer.notAfter > now,
    );
    await observe(look, 'crl', async () => {
      const scopes = await crlScopes(ctx);
      for (const issuer of issuers) await lookAtCrl(look, issuer, scopes);
      const [ended] = await endingCrls(ctx, 0);
      if (ended) throw new Error(`the CRL ${ended.shard} of ${ended.issuerId} has ended`);
    });
    await observe(look, 'ocsp', async () => {
      for (const issuer of issuers) await askOcsp(look, issuer);
    });
  });
}

/** Whatever goes wrong is what was seen, in the minute in which the look began: one that takes long does not put off the next. */
async function observe({ ctx, ending, now }: Look, service: ObservedService, work: () => Promise<void>): Promise<void> {
  if (ending.aborted) return;
  const failure = await work().then(
    () => undefined,
    error => (error instanceof Error ? error.message : String(error)),
  );
  if (ending.aborted) return;
  if (failure !== undefined) ctx.log.warn({ service, reason: failure }, 'a status service is not as it should be');
  await countObservation(ctx.db, now, service, failure);
}

/** Of the complete CRL and its shards, each in its turn. */
async function lookAtCrl({ ctx, ask, now }: Look, issuer: SigningIssuer, scopes: readonly CrlScope[]): Promise<void> {
  const shards = scopes.filter(({ issuerId }) => issuerId === issuer.id).map(({ shard }) => shard);
  const shard = shards[Math.floor(now / seconds.minute) % shards.length];
  checkCrl(await answerTo(ask('GET', crlUrl('', issuer.id, shard))), issuer, ctx.now());
}

/** About the responder's own certificate: there is always one. */
async function askOcsp({ ctx, ask }: Look, issuer: SigningIssuer): Promise<void> {
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
