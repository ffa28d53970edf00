import type { Ctx } from '../../ctx.ts';
import { Problem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import { allows, isLiving, type Scope, type Token } from '../../model/token.ts';
import { findTokenBySecret, touchToken } from '../../store/tokens.ts';

/** Seconds between two writes of a token's last use. */
const touchEvery = 60;

/** RFC 6750. @throws Problem 401 */
export async function authenticate(ctx: Ctx, authorization: string | undefined): Promise<Token> {
  if (authorization === undefined) throw refusal('Send "Authorization: Bearer TOKEN"; "token create" makes one.', 'Bearer');
  const [, secret] = /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization) ?? [];
  const token = secret === undefined ? undefined : await findTokenBySecret(ctx.db, sha256(secret));
  const now = ctx.now();
  if (!token || !isLiving(token, now)) throw refusal('The token is unknown, has expired or was revoked.', 'Bearer error="invalid_token"');
  if (token.lastUsedAt === undefined || token.lastUsedAt <= now - touchEvery) await touchToken(ctx.db, token.id, now);
  return token;
}

const refusal = (detail: string, challenge: string) => new Problem('unauthorized', detail, { status: 401, challenge });

/** @throws Problem 403 */
export function authorize(token: Token, needed: Scope): void {
  if (allows(token.scopes, needed)) return;
  throw new Problem('unauthorized', `This needs a token with the scope "${needed}"; this one has ${token.scopes.join(', ')}.`, {
    challenge: `Bearer error="insufficient_scope", scope="${needed}"`,
  });
}
