import { readFileSync } from 'node:fs';
import type { Db } from '../../src/store/open.ts';

/** The forms in which a text may lie among bytes: as it is, in UTF-16, in hex, and in base64 wherever it begins. */
function formsOf(text: string): [form: string, bytes: Buffer][] {
  const plain = Buffer.from(text);
  const base64 = [0, 1, 2].flatMap(pad => {
    // What stands before and behind decides on the characters at the ends.
    const coded = Buffer.concat([Buffer.alloc(pad), plain])
      .toString('base64')
      .replace(/=+$/, '');
    const inner = coded.slice(Math.ceil((pad * 8) / 6), -1);
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
  return [
    ['plain', plain],
    ['JSON', Buffer.from(JSON.stringify(text).slice(1, -1))],
    ['UTF-16', Buffer.from(text, 'utf16le')],
    ['hex', Buffer.from(plain.toString('hex'))],
    ['HEX', Buffer.from(plain.toString('hex').toUpperCase())],
    ...base64.map((coded): [string, Buffer] => ['base64', Buffer.from(coded)]),
  ];
}

/** Which of these texts lie there in some form, in whatever case. */
export function foundIn(bytes: Uint8Array | string, texts: readonly string[]): string[] {
  const hay = Buffer.from(bytes);
  const lower = Buffer.from(
    hay.toString('latin1').replace(/[A-Z]/g, c => c.toLowerCase()),
    'latin1',
  );
  return texts.flatMap(text =>
    [
      ...formsOf(text).map(([form, needle]) => ({ form, is: hay.includes(needle) })),
      { form: 'lower case', is: lower.includes(text.toLowerCase()) },
    ]
      .filter(({ is }) => is)
      .map(({ form }) => `${text} (${form})`),
  );
}

/** Every value of every table, bytes as they are. */
export async function dump(db: Db, schema: 'sqlite' | 'postgres'): Promise<Buffer> {
  const names =
    schema === 'sqlite'
      ? (await db.raw("select name from sqlite_master where type = 'table'")).map((r: { name: string }) => r.name)
      : (await db.raw("select tablename from pg_tables where schemaname = 'public'")).rows.map((r: { tablename: string }) => r.tablename);
  const parts: Buffer[] = [];
  for (const name of names)
    for (const row of await db(name))
      for (const value of Object.values(row as object))
        parts.push(Buffer.isBuffer(value) ? value : Buffer.from(String(value)), Buffer.from('\n'));
  return Buffer.concat(parts);
}

/** SQLite's file with what is written beside it. */
export function rawFiles(file: string): Buffer {
  return Buffer.concat(
    ['', '-wal', '-journal'].map(end => {
      try {
        return readFileSync(file + end);
      } catch {
        return Buffer.alloc(0);
      }
    }),
  );
}

/** PostgreSQL's files of all tables; for a superuser on the same machine. */
export async function rawTables(db: Db): Promise<Buffer> {
  await db.raw('checkpoint');
  const { rows } = await db.raw(
    `select pg_read_binary_file(pg_relation_filepath(oid)) as bytes from pg_class
     where relkind in ('r', 't') and relfilenode <> 0 and relnamespace::regnamespace::text in ('public', 'pg_toast') and pg_relation_size(oid) > 0`,
  );
  return Buffer.concat(rows.map((r: { bytes: Buffer }) => r.bytes));
}
