import { existsSync } from 'node:fs';
import { codeLifetime } from '../../challenges/email-mailbox-01.ts';
import type { Ctx } from '../../ctx.ts';
import { writeAtomically } from '../../files/write-atomically.ts';
import type { Actor } from '../../model/audit.ts';
import { pem, rfc3339 } from '../../model/encoding.ts';
import { Problem } from '../../model/problem.ts';
import { hasCommitted } from '../../store/certificates.ts';
import { putSetting, readSetting, writeSetting } from '../../store/issuers.ts';
import { findMember, setHashes } from '../../store/members.ts';
import { breathe, forgetDeleted, isPostgres, type Trx } from '../../store/open.ts';
import { countSealed, replaceSealed, type SealedRow, sealedUnderOther } from '../../store/sealed.ts';
import { addKey, dropKeys } from '../../vault/key-file.ts';
import { type SealedColumn, sealedColumns } from '../../vault/places.ts';
import { keyIdOf } from '../../vault/vault.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { openMember, searchHashes } from '../sealed/personal-data.ts';
import { underLease } from '../under-lease.ts';
import { rootKeyFile, rootKeySetting, sealedKey, usedKeyId } from './hierarchy.ts';
import { readRootKey } from './issuers.ts';

/*
 * Another key-encryption key, while servers run. First the new key is put before the old one in their file: from then on everything is encrypted under it, and what is under the old
 * one still opens. Then what is under the old one is encrypted anew. Only when nothing is, the old key goes.
 */

/** The newest key, by its id, and when it began to be used. */
const sinceSetting = 'kek-since';

async function newestSince({ db, vault }: Pick<Ctx, 'db' | 'vault'>): Promise<number | undefined> {
  const [key, since] = ((await readSetting(db, sinceSetting)) ?? '').split(' ');
  return key === vault.keyId ? Number(since) : undefined;
}

/** A transaction each. */
const batch = 200;

export interface KeyUse {
  key: string;
  /** The newest: everything is encrypted under it. */
  isCurrent: boolean;
  /** Absent: what is encrypted under it cannot be read here. */
  isHere: boolean;
  /** Values in the database that are encrypted under it. */
  sealed: number;
}

/** The keys that are here, the newest first, and those that something is encrypted under. */
export async function keysInUse({ db, vault }: Pick<Ctx, 'db' | 'vault'>): Promise<KeyUse[]> {
  const counts = new Map<string, number>();
  for (const column of sealedColumns) for (const [key, n] of await countSealed(db, column)) counts.set(key, (counts.get(key) ?? 0) + n);
  const here = vault.keyIds;
  return [...new Set([...here, ...counts.keys()])].map(key => ({
    key,
    isCurrent: key === here[0],
    isHere: here.includes(key),
    sealed: counts.get(key) ?? 0,
  }));
}

type Progress = ((line: string) => void) | undefined;

export interface Rotated {
  key: string;
  sealed: number;
  /** Of the root's key: `away` where its file is not here. */
  rootKey: 'encrypted anew' | 'away';
}

/**
 * Makes a new key, unless there is one that is not fully taken up yet, and encrypts everything anew under it. Called again after an interruption, it goes on.
 * @throws Problem where another process is at it, or the keys are given by the environment and no new one is among them
 */
export function rotateKeys(ctx: Ctx, rootKey: string | undefined, actor: Actor, progress: Progress): Promise<Rotated> {
  return alone(ctx, async held => {
    const { db, vault, config } = ctx;
    const used = (await usedKeyId(db)) ?? vault.keyId;
    await writeSetting(db, rootKeySetting, used);
    const rootFile = rootKey ?? rootKeyFile(config);
    const root = rootKey !== undefined || existsSync(rootFile) ? readRootKey(ctx, rootFile) : undefined;
    if (vault.keyId === used) {
      if (config.keys.encryptionKey !== undefined)
        throw new Problem(
          'malformed',
          'The key-encryption key is given by XMPP_CA_KEY: put a new one behind it, with a comma between, and restart every process; then put it first, restart every process again, and call this once more.',
        );
      addKey(config.keys.encryptionKeyFile, ctx.random);
      if (isPostgres(db)) progress?.(`${config.keys.encryptionKeyFile} has a new key: a server on another machine needs that file now`);
    }
    if ((await newestSince(ctx)) === undefined) await putSetting(db, sinceSetting, `${vault.keyId} ${ctx.now()}`);
    const sealed = await sealAnew(ctx, held, progress);
    if (root) sealRootKey(ctx, rootFile, root);
    await transact(ctx, actor, async act => {
      await held(act.trx);
      await putSetting(act.trx, 'kek', vault.keyId);
      if (root) await putSetting(act.trx, rootKeySetting, vault.keyId);
      const detail = { from: used, to: vault.keyId, sealed, rootKey: root !== undefined };
      await record(act, { action: 'vault.rotated', subject: {}, detail });
    });
    await forgetDeleted(db);
    return { key: vault.keyId, sealed, rootKey: root ? ('encrypted anew' as const) : ('away' as const) };
  });
}

type RootKey = ReturnType<typeof readRootKey>;

function sealRootKey({ vault, authority }: Ctx, file: string, { pkcs8, keyId }: RootKey): void {
  if (keyId !== vault.keyId) writeAtomically(file, pem(sealedKey, vault.seal({ in: 'file.root.key', row: authority.root.id }, pkcs8)));
}

/** The root's key was away when the key was changed, and is back. @throws Problem */
export async function rotateRootKey(ctx: Ctx, rootKey: string | undefined, actor: Actor): Promise<string> {
  const file = rootKey ?? rootKeyFile(ctx.config);
  sealRootKey(ctx, file, readRootKey(ctx, file));
  await transact(ctx, actor, async act => {
    await putSetting(act.trx, rootKeySetting, ctx.vault.keyId);
    const detail = { to: ctx.vault.keyId, sealed: 0, rootKey: true };
    await record(act, { action: 'vault.rotated', subject: {}, detail });
  });
  return file;
}

/** The work of one process at a time. `held` throws where another has taken it over. @throws Problem */
async function alone<T>(ctx: Ctx, work: (held: (trx: Trx) => Promise<void>) => Promise<T>): Promise<T> {
  const done = await underLease(ctx, 'change keys', async held => ({ result: await work(held) }));
  if (!done) throw new Problem('malformed', 'Another process is changing the key-encryption key; try again in a minute.');
  return done.result;
}

/** More than once: what another process had encrypted before it saw the new key is committed a moment later. @returns how many values */
async function sealAnew(ctx: Ctx, held: (trx: Trx) => Promise<void>, progress: Progress): Promise<number> {
  let total = 0;
  for (let pass = 0; pass < 3; pass++) {
    let done = 0;
    for (const column of sealedColumns) done += await sealColumn(ctx, column, held, progress);
    total += done;
    if (done === 0) break;
  }
  return total;
}

async function sealColumn(ctx: Ctx, of: SealedColumn, held: (trx: Trx) => Promise<void>, progress: Progress): Promise<number> {
  const { db, vault } = ctx;
  let done = 0;
  for (let after: SealedRow['at'] | undefined; ; ) {
    const rows = await sealedUnderOther(db, of, [vault.keyId], after, batch);
    if (rows.length === 0) return done;
    await db.transaction(async trx => {
      await held(trx);
      for (const row of rows) {
        const place = { in: of.name, row: row.row };
        if (!(await replaceSealed(trx, of, row, vault.seal(place, vault.open(place, row.sealed))))) continue;
        if (of.name === 'members.personal') await hashAnew(ctx, trx, row.row);
        done++;
      }
    });
    after = rows.at(-1)?.at;
    progress?.(`${of.name}: ${done} encrypted anew`);
    await breathe();
  }
}

async function hashAnew(ctx: Ctx, trx: Trx, memberId: string): Promise<void> {
  const member = await findMember(trx, memberId);
  const personal = member && openMember(ctx, member);
  if (personal) await setHashes(trx, memberId, searchHashes(ctx, personal));
}

/**
 * Drops all keys but the newest: what was encrypted under them, and is anywhere else than in the database, opens no more.
 * @returns their ids @throws Problem where something needs them still
 */
export function retireKeys(ctx: Ctx, force: boolean, actor: Actor, progress: Progress): Promise<string[]> {
  return alone(ctx, async held => {
    const { db, vault, config } = ctx;
    const [current = '', ...older] = vault.keyIds;
    if ((await usedKeyId(db)) !== current) throw refuse('the change to the newest one is not finished, call "vault rotate" first');
    if (older.length === 0) return [];
    await sealAnew(ctx, held, progress);
    const left = (await keysInUse(ctx)).filter(k => !k.isCurrent && k.sealed > 0);
    if (left.length)
      throw refuse(
        `${left.map(k => `${k.sealed} values are encrypted under ${k.key}`).join(', ')}: does a process not have the newest one?`,
      );
    if (await hasCommitted(db)) throw refuse('a certificate is being issued, try again in a minute');
    if (!force) await checkOutside(ctx, older);
    // Before they go: no key is dropped that is not on record.
    await transact(ctx, actor, async act => {
      await held(act.trx);
      await record(act, { action: 'vault.retired', subject: {}, detail: { keys: older } });
    });
    if (config.keys.encryptionKey === undefined) dropKeys(config.keys.encryptionKeyFile, key => older.includes(keyIdOf(key)));
    return older;
  });
}

/** What the older keys are needed for outside the database. @throws Problem */
async function checkOutside(ctx: Ctx, older: readonly string[]): Promise<void> {
  // What was answered under an Idempotency-Key is found by a MAC, and kept as long.
  const usableAt = ((await newestSince(ctx)) ?? 0) + codeLifetime;
  if (usableAt > ctx.now()) throw refuse(`codes that were mailed before are good until ${rfc3339(usableAt)}; --force ends them now`);
  const rootKey = await readSetting(ctx.db, rootKeySetting);
  if (rootKey !== undefined && older.includes(rootKey))
    throw refuse(
      `the root's key was last seen encrypted under ${rootKey}: bring it back for "vault root-key", or keep the file of the keys with it and say --force`,
    );
}

const refuse = (why: string): Problem => new Problem('malformed', `The older key-encryption keys cannot go: ${why}.`);
