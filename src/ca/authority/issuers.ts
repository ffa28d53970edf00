import { readFileSync } from 'node:fs';
import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import type { RevocationReason } from '../../model/certificate.ts';
import { fromPem, hex } from '../../model/encoding.ts';
import { Problem } from '../../model/problem.ts';
import { seconds } from '../../model/seconds.ts';
import { readCertificate } from '../../pki/certificate.ts';
import type { CrlEntry } from '../../pki/crl.ts';
import { fileSigner, type Signer } from '../../pki/keys.ts';
import { type CrlRecord, insertCrl, newestCrl } from '../../store/crls.ts';
import { activateIssuer, type IssuerRecord, insertIssuer, listIssuers, revokeIssuer } from '../../store/issuers.ts';
import { lock } from '../../store/open.ts';
import { keyIdSize } from '../../vault/vault.ts';
import { type Act, transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { makeIssuing, makeRootCrl, reloadAuthority, rootKeyFile, sealedKey } from './hierarchy.ts';
import { publishDueCrls } from './publish-crl.ts';

/** The root's key, from the file that `init` made or from where it was taken to. @throws Problem */
const openRootKey = (ctx: Ctx, file?: string): Signer => readRootKey(ctx, file).signer;

/** The same with what it was read from: PKCS #8, and the id of the key-encryption key. @throws Problem */
export function readRootKey(
  { config, vault, authority }: Ctx,
  file = rootKeyFile(config),
): { signer: Signer; pkcs8: Uint8Array; keyId: string } {
  const { root } = authority;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new Problem(
      'malformed',
      `The root's key cannot be read at ${file} (${(error as NodeJS.ErrnoException).code}): bring the file back for this command, or name it.`,
    );
  }
  try {
    const [sealed] = fromPem(sealedKey, text);
    const pkcs8 = sealed && vault.open({ in: 'file.root.key', row: root.id }, sealed);
    const signer = pkcs8 && fileSigner(pkcs8);
    if (signer && Buffer.from(signer.spki).equals(root.spki)) return { signer, pkcs8, keyId: hex(sealed.subarray(0, keyIdSize)) };
  } catch {
    // Not ours, or sealed under another key-encryption key.
  }
  throw new Problem(
    'malformed',
    `${file} is not the key of this root, sealed under a key-encryption key that is here: a key that was retired since is put back as a further line of its file.`,
  );
}

/** A new issuing CA; it signs nothing until it is made the active one, so that every process knows it by then. @throws Problem */
export async function createIssuer(ctx: Ctx, keyFile: string | undefined, actor: Actor): Promise<IssuerRecord> {
  const root = openRootKey(ctx, keyFile);
  const issuer = await transact(ctx, actor, async act => {
    // Each has a number of its own.
    await lock(act.trx, 'issuers');
    const number = (await listIssuers(act.trx)).filter(i => i.kind === 'issuing').length + 1;
    const made = await makeIssuing(ctx, { ...ctx.authority.root, signatureAlgorithm: root.algorithm }, root, number);
    await insertIssuer(act.trx, made);
    await record(act, { action: 'issuer.created', subject: { issuer: made.id } });
    return made;
  });
  await reloadAuthority(ctx);
  await publishDueCrls(ctx);
  return issuer;
}

/** From now on this one signs; the others go on answering for what they have issued. @throws Problem */
export async function switchIssuer(ctx: Ctx, id: string, actor: Actor): Promise<void> {
  const issuer = ctx.authority.issuers.get(id);
  if (issuer && issuer.notAfter <= ctx.now()) throw new Problem('malformed', `The issuing CA ${id} has expired.`);
  await transact(ctx, actor, async act => {
    await lock(act.trx, 'issuers');
    if (!(await activateIssuer(act.trx, id)))
      throw new Problem('malformed', `There is no issuing CA ${id}, or it was revoked.`, { status: 404 });
    await record(act, { action: 'issuer.activated', subject: { issuer: id } });
  });
  await reloadAuthority(ctx);
}

/** Revokes an issuing CA, in a new CRL of the root. Its certificates are no longer valid for whoever sees that CRL. @throws Problem */
export async function endIssuer(
  ctx: Ctx,
  { id, reason, keyFile }: { id: string; reason: RevocationReason; keyFile: string | undefined },
  actor: Actor,
): Promise<CrlRecord> {
  const root = openRootKey(ctx, keyFile);
  if (id === ctx.authority.active.id)
    throw new Problem(
      'malformed',
      `The issuing CA ${id} is the active one; make another with "issuer create" and "issuer activate" first.`,
    );
  return transact(ctx, actor, async act => {
    await lock(act.trx, 'issuers');
    if (!(await revokeIssuer(act.trx, id, act.now, reason)))
      throw new Problem('malformed', `There is no issuing CA ${id}, it is active, or it was revoked already.`, { status: 404 });
    await record(act, { action: 'issuer.revoked', subject: { issuer: id }, detail: { reason } });
    return publishRootCrl(act, root);
  });
}

/** Signs the root's CRL anew. @throws Problem */
export async function renewRootCrl(ctx: Ctx, keyFile: string | undefined, actor: Actor): Promise<CrlRecord> {
  const root = openRootKey(ctx, keyFile);
  return transact(ctx, actor, async act => {
    await lock(act.trx, 'issuers');
    return publishRootCrl(act, root);
  });
}

async function publishRootCrl(act: Act, signer: Signer): Promise<CrlRecord> {
  const { trx } = act;
  const { root } = act.ctx.authority;
  const previous = await newestCrl(trx, { issuerId: root.id, shard: 0 });
  const entries = (await listIssuers(trx)).flatMap(({ certificate, revocation }): CrlEntry[] =>
    revocation ? [{ serial: readCertificate(certificate).serial, revokedAt: revocation.at, reason: revocation.reason }] : [],
  );
  const now = Math.max(act.now, previous?.thisUpdate ?? 0);
  const crl = await makeRootCrl(root, signer, { number: Math.max((previous?.number ?? 0) + 1, now), now, entries });
  await insertCrl(trx, crl);
  await record({ ...act, now }, { action: 'crl.published', subject: { issuer: root.id }, detail: { number: crl.number } });
  return crl;
}

/** Days before its end from which the server says, once a day, that the root's CRL is to be signed anew. */
const remindDays = 60;

/** What only a person with the root's key can mend. */
export async function remindOfRootCrl(ctx: Ctx): Promise<void> {
  const crl = await newestCrl(ctx.db, { issuerId: ctx.authority.root.id, shard: 0 });
  const days = Math.floor(((crl?.nextUpdate ?? 0) - ctx.now()) / seconds.day);
  if (days < remindDays) ctx.log.warn({ days }, 'the CRL of the root ends in so many days: sign it anew with "crl root"');
}
