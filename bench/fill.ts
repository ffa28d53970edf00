import { rmSync } from 'node:fs';
import { openCtx } from '../src/app.ts';
import { checkpointFile, keepCheckpoints } from '../src/ca/audit/checkpoint-file.ts';
import { logSigner } from '../src/ca/audit/identity.ts';
import { parseConfig } from '../src/config.ts';
import { type CheckpointRecord, checkpointsAfter, currentLog, findTile } from '../src/store/log.ts';
import { isPostgres, openDatabase } from '../src/store/open.ts';
import { signCheckpoint } from '../src/tlog/checkpoint.ts';
import { type Edge, grow, rootOf } from '../src/tlog/merkle.ts';
import { hashesOf, tileWidth } from '../src/tlog/tiles.ts';

export interface Filled {
  seconds: number;
  /** Some of the new ones. */
  serials: string[];
}

/** Members that the new certificates belong to, in turn. */
export const members = 1000;

/**
 * Multiplies the newest issued certificate in a database that no server has open: other serial, name, order, key and time, the same bytes.
 * One statement a table, without durability: quick, and lost with the power.
 */
export async function fill(url: string, count: number, { revoked = false, from = 0 } = {}): Promise<Filled> {
  const started = performance.now();
  const db = await openDatabase(url);
  try {
    const postgres = isPostgres(db);
    if (!postgres)
      for (const pragma of ['journal_mode = off', 'synchronous = off', 'cache_size = -1000000']) await db.raw(`pragma ${pragma}`);
    const sample = await db('certificates')
      .where({ state: 'issued' })
      .whereNotNull('order_id')
      .orderBy('committed_at', 'desc')
      .first('serial', 'issuer_id');
    const series = postgres ? 'generate_series(?::int, ?::int) as s(n)' : 's';
    const recursion = postgres ? '' : 'with recursive s(n) as (select ? union all select n + 1 from s where n < ?) ';
    const change: Record<string, string> = {
      serial: postgres ? "'7f' || substr(md5(s.n::text), 1, 30)" : "'7f' || lower(hex(randomblob(15)))",
      order_id: "'many' || s.n",
      account_id: `'many' || (s.n % ${members})`,
      member_id: `'many' || (s.n % ${members})`,
      names: `'["x' || s.n || '.many.example"]'`,
      spki_hash: postgres ? "decode(md5(s.n::text) || md5('key' || s.n), 'hex')" : 'randomblob(32)',
      committed_at: 'c.committed_at - s.n',
      ...(revoked && { revoked_at: 'c.committed_at', revocation_reason: "'superseded'", revoked_by: "'operator'" }),
    };
    const columns = Object.keys(await db('certificates').columnInfo());
    await db.raw(
      `insert into certificates (${columns.join(', ')}) ${recursion}select ${columns.map(c => change[c] ?? `c.${c}`).join(', ')}
       from ${series} cross join certificates c where c.serial = ?`,
      [from + 1, from + count, sample.serial],
    );
    const name = `replace(replace(names, '["', ''), '"]', '')`;
    await db.raw(
      `insert into certificate_names (name, serial, registrable) select ${name}, serial, ${name} from certificates
       where order_id like 'many%' and cast(substr(order_id, 5) as integer) > ?`,
      [from],
    );
    if (revoked) await db('issuers').where({ id: sample.issuer_id }).increment('revocations', count);
    await db.raw('analyze');
    const some = await db('certificates')
      .where('serial', '>', '7f8')
      .where('order_id', 'like', 'many%')
      .orderBy('serial')
      .limit(1000)
      .select('serial');
    const serials = some.map(r => String(r.serial));
    return { seconds: (performance.now() - started) / 1000, serials };
  } finally {
    await db.destroy();
  }
}

/** What an issuance leaves in the audit log, but for its certificate's own. */
const recorded = ['order.created', 'challenge.answered', 'challenge.valid', 'certificate.committed', 'certificate.issued'];

/** So many audit records or a few more, as the newest issuance has left them, and the certificates that they are of. */
export async function fillAudit(url: string, count: number): Promise<{ records: number }> {
  await fill(url, Math.ceil(count / recorded.length));
  const db = await openDatabase(url);
  try {
    const [{ sample }] = await db('audit').where({ action: 'certificate.issued' }).limit(1).select({ sample: 'subject' });
    const { serial } = JSON.parse(sample) as { serial: string };
    const columns = 'at, action, outcome, who, door, detail, personal, personal_hash';
    await db.raw(
      `insert into audit (${columns}, subject) select ${columns}, replace(a.subject, ?, c.serial)
       from certificates c cross join audit a where c.order_id like 'many%' and a.action in (${recorded.map(() => '?').join(', ')})`,
      [serial, ...recorded],
    );
    const counted = await db('audit').count({ n: '*' }).first();
    return { records: Number(counted?.['n']) };
  } finally {
    await db.destroy();
  }
}

/** Checkpoints as a server leaves them that issues now and then: one after each issuance, in the database and beside it. */
export async function fillCheckpoints({ dataDir, database }: { dataDir: string; database: string }): Promise<{ checkpoints: number }> {
  const config = parseConfig({ publicUrl: 'https://localhost:14000', dataDir, database, log: 'warn' }, '/');
  const ctx = await openCtx(config);
  try {
    const log = await currentLog(ctx.db);
    if (!log) throw new Error('the database has no log');
    const signer = logSigner(ctx, log);
    const signed = new Set((await checkpointsAfter(ctx.db, log.id, 0, 1_000_000)).map(({ size }) => size));
    const edge: Edge = { size: 0, hashes: [] };
    const made: CheckpointRecord[] = [];
    for (let index = 0; ; index++) {
      const hashes = hashesOf((await findTile(ctx.db, 0, index)) ?? new Uint8Array());
      for (const hash of hashes) {
        grow(edge, hash);
        if (edge.size % recorded.length || signed.has(edge.size)) continue;
        const note = signCheckpoint({ origin: log.origin, size: edge.size, root: rootOf(edge) }, signer);
        made.push({ logId: log.id, size: edge.size, at: ctx.now(), note });
      }
      if (hashes.length < tileWidth) break;
    }
    await ctx.db.batchInsert(
      'checkpoints',
      made.map(({ logId, ...rest }) => ({ log_id: logId, ...rest })),
      200,
    );
    rmSync(checkpointFile(config));
    keepCheckpoints(config, await checkpointsAfter(ctx.db, log.id, 0, 1_000_000));
    return { checkpoints: signed.size + made.length };
  } finally {
    await ctx.close();
  }
}
