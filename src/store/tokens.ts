import type { Token } from '../model/token.ts';
import { type Db, present } from './open.ts';
import { inPages, type Page } from './pages.ts';
import { insertRows, selectRow, updateRows } from './rows.ts';

interface TokenRow {
  id: string;
  label_sealed: Uint8Array | null;
  scopes: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  last_used_at: number | null;
}

function fromRow(r: TokenRow): Token {
  return {
    id: r.id,
    scopes: JSON.parse(r.scopes),
    createdAt: r.created_at,
    ...present({ label: r.label_sealed, expiresAt: r.expires_at, revokedAt: r.revoked_at, lastUsedAt: r.last_used_at }),
  };
}

export async function insertToken(db: Db, token: Token, secretHash: Uint8Array): Promise<void> {
  await insertRows(db, 'tokens', {
    id: token.id,
    secret_hash: secretHash,
    label_sealed: token.label,
    scopes: JSON.stringify(token.scopes),
    created_at: token.createdAt,
    expires_at: token.expiresAt,
  });
}

export async function findToken(db: Db, id: string): Promise<Token | undefined> {
  const r = await selectRow<TokenRow>(db, 'tokens', { id });
  return r && fromRow(r);
}

export async function findTokenBySecret(db: Db, secretHash: Uint8Array): Promise<Token | undefined> {
  const r = await selectRow<TokenRow>(db, 'tokens', { secret_hash: secretHash });
  return r && fromRow(r);
}

export async function listTokens(db: Db, page?: Page): Promise<Token[]> {
  return (await inPages(db('tokens'), page)).map(fromRow);
}

/** Whether there ever was one. */
export async function hasTokens(db: Db): Promise<boolean> {
  return (await db('tokens').first('id')) !== undefined;
}

export async function revokeToken(db: Db, id: string, now: number): Promise<boolean> {
  return (await updateRows(db, 'tokens', { id, revoked_at: null }, { revoked_at: now })) === 1;
}

export async function touchToken(db: Db, id: string, now: number): Promise<void> {
  await updateRows(db, 'tokens', { id }, { last_used_at: now });
}
