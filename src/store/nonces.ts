import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { base64url, fromBase64url } from '../model/encoding.ts';
import { seconds } from '../model/seconds.ts';
import { type Db, isPostgres } from './open.ts';

/** Anti-replay nonces (RFC 8555 §6.5): authenticated, an hour's life, each used once among all processes on a database. */
export interface Nonces {
  issue(): string;
  /** @returns whether it is one of ours, not too old, and was not used before */
  use(nonce: string): Promise<boolean>;
  /** Forgets used ones that are too old to be accepted anyway. */
  prune(): Promise<void>;
}

const lifetime = seconds.hour;
/** Seconds that another process's clock may be ahead. */
const skew = 60;

type Random = (size: number) => Uint8Array;
type Now = () => number;

export async function openNonces(db: Db, now: Now, random: Random): Promise<Nonces> {
  return isPostgres(db) ? sharedNonces(db, now, random) : localNonces(now, random);
}

/** Time (4) ‖ random (12) ‖ HMAC (16). */
function make(key: KeyObject, now: number, random: Random): string {
  const body = Buffer.alloc(16);
  body.writeUInt32BE(now);
  body.set(random(12), 4);
  return base64url(Buffer.concat([body, tag(key, body)]));
}

const tag = (key: KeyObject, body: Uint8Array) => createHmac('sha256', key).update(body).digest().subarray(0, 16);

function isCurrent(key: KeyObject, nonce: string, now: number): boolean {
  const bytes = fromBase64url(nonce);
  if (bytes?.length !== 32) return false;
  const buffer = Buffer.from(bytes);
  const issued = buffer.readUInt32BE(0);
  return timingSafeEqual(buffer.subarray(16), tag(key, buffer.subarray(0, 16))) && issued <= now + skew && issued > now - lifetime;
}

/** One process: key and used set live in its memory, and a restart refuses all older ones. */
function localNonces(now: Now, random: Random): Nonces {
  const key = createSecretKey(random(32));
  let used = new Set<string>();
  let older = new Set<string>();
  let turned = now();
  return {
    issue: () => make(key, now(), random),
    use: async nonce => {
      if (!isCurrent(key, nonce, now()) || used.has(nonce) || older.has(nonce)) return false;
      used.add(nonce);
      return true;
    },
    prune: async () => {
      if (now() - turned < lifetime + skew) return;
      older = used;
      used = new Set();
      turned = now();
    },
  };
}

/** Several processes: key and used set live in unlogged tables, so after a crash of the database they vanish together. */
async function sharedNonces(db: Db, now: Now, random: Random): Promise<Nonces> {
  let key = await sharedKey(db, random);
  return {
    issue: () => make(key, now(), random),
    use: async nonce => {
      if (!isCurrent(key, nonce, now())) {
        key = await sharedKey(db, random);
        if (!isCurrent(key, nonce, now())) return false;
      }
      // The nonce counts only under the key that the table holds at this moment.
      const inserted = await db.raw(
        'insert into used_nonces (nonce, used_at) select ?, ? where exists (select 1 from nonce_keys where key = ?) on conflict do nothing',
        [nonce, now(), key.export()],
      );
      if (inserted.rowCount === 1) return true;
      key = await sharedKey(db, random);
      return false;
    },
    prune: async () => {
      await db('used_nonces')
        .where('used_at', '<', now() - 2 * lifetime)
        .delete();
    },
  };
}

async function sharedKey(db: Db, random: Random): Promise<KeyObject> {
  const stored = async () => (await db('nonce_keys').where({ id: 1 }).first('key'))?.key as Uint8Array | undefined;
  const key = await stored();
  if (key) return createSecretKey(key);
  await db('nonce_keys')
    .insert({ id: 1, key: Buffer.from(random(32)) })
    .onConflict('id')
    .ignore();
  return sharedKey(db, random);
}
