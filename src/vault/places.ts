/*
 * Where something encrypted lies. The vault takes no place that is not listed here, and a change of the key-encryption key encrypts every column of the list anew.
 */

/** A column of the database whose values are encrypted. */
export interface SealedColumn {
  /** Table and column. */
  name: SealedName;
  /** Columns that name the row in the place: bytes in hex, with a space between. */
  row: readonly string[];
  /** Columns by which rows are read in order, where these are others. */
  by?: readonly string[];
}

const columns = [
  { name: 'issuers.key', row: ['id'] },
  { name: 'credentials.key', row: ['id'] },
  { name: 'logs.key', row: ['origin'] },
  { name: 'eab_keys.secret', row: ['kid'] },
  { name: 'eab_keys.label_sealed', row: ['kid'] },
  { name: 'tokens.label_sealed', row: ['id'] },
  { name: 'blocked_keys.why_sealed', row: ['spki_hash'] },
  { name: 'members.personal', row: ['id'] },
  { name: 'accounts.personal', row: ['id'] },
  { name: 'outbox.personal', row: ['id'] },
  { name: 'webhooks.secret', row: ['id'] },
  { name: 'webhooks.old_secret', row: ['id'] },
  { name: 'idempotent_answers.answer', row: ['token_id', 'key'] },
  { name: 'audit.personal', row: ['personal_hash'], by: ['at', 'id'] },
] as const;

type SealedName = (typeof columns)[number]['name'];

/** Every encrypted column of the database. */
export const sealedColumns: readonly SealedColumn[] = columns;

/** The root's key lies in a file of its own, which is taken away. */
type FileName = 'file.root.key';

/** Where a secret lies: the additional data of its encryption, so that a ciphertext that is moved to another place does not open. */
export interface Place {
  in: SealedName | FileName;
  row: string;
}

/** Table and column, or `file` and the file's name. */
export function splitName(name: Place['in']): { table: string; column: string } {
  const dot = name.indexOf('.');
  return { table: name.slice(0, dot), column: name.slice(dot + 1) };
}
