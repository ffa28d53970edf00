import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Ctx } from '../../ctx.ts';
import { writeAtomically } from '../../files/write-atomically.ts';
import { type Actor, clock } from '../../model/audit.ts';
import { base32 } from '../../model/encoding.ts';
import { sha256 } from '../../model/sha256.ts';
import type { Token } from '../../model/token.ts';
import { hasTokens, insertToken } from '../../store/tokens.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { newId } from '../ids.ts';
import { sealWords } from '../sealed/personal-data.ts';

/** 256 random bits; the prefix tells people, and scanners for lost secrets, what it is. */
const newSecret = (ctx: Pick<Ctx, 'random'>): string => `xca_${base32(ctx.random(32))}`;

type Tools = Pick<Ctx, 'db' | 'now' | 'random' | 'vault'>;

/** @returns the token, and its secret: nobody can tell it again */
export async function createToken(
  tools: Tools,
  { label, ...wanted }: Pick<Token, 'scopes' | 'expiresAt'> & { label?: string },
  actor: Actor,
  secret: string = newSecret(tools),
): Promise<{ token: Token; secret: string }> {
  return transact(tools, actor, async act => {
    const id = newId(tools);
    const token: Token = { id, createdAt: act.now, ...wanted, ...(label !== undefined && { label: sealWords(tools, 'token', id, label) }) };
    await insertToken(act.trx, token, sha256(secret));
    await record(act, { action: 'token.created', subject: { token: id }, detail: { scopes: token.scopes } });
    return { token, secret };
  });
}

/** Where the first admin token is left for the operator. */
export const firstTokenFile = ({ dataDir }: Pick<Config, 'dataDir'>): string => join(dataDir, 'admin-token');

/** The first start makes a token for everything else. Call it under the setup lock. */
export async function openFirstToken(tools: Tools & { config: Config }): Promise<void> {
  if (await hasTokens(tools.db)) return;
  // The file first: a crash in between leaves a file that the next start writes again, never a token that nobody has.
  const secret = newSecret(tools);
  writeAtomically(firstTokenFile(tools.config), `${secret}\n`);
  await createToken(tools, { label: 'first', scopes: ['admin'] }, clock, secret);
}
