import type { Ctx } from '../ctx.ts';
import { base32, base64url } from '../model/encoding.ts';

/** An identifier of ours: 80 random bits in lowercase base32, never beginning with `-`. */
export function newId(ctx: Pick<Ctx, 'random'>): string {
  return base32(ctx.random(10));
}

/** Whether text has the form of an identifier of ours. */
export const isId = (text: string): boolean => /^[a-z2-7]{1,32}$/.test(text);

/** RFC 8555 §8.3: at least 128 bits of entropy, base64url. */
export function newToken(ctx: Pick<Ctx, 'random'>): string {
  return base64url(ctx.random(16));
}

/** The URL that names an account, for CAA's `accounturi` and for people: it never changes. */
export function accountUrl(publicUrl: string, id: string): string {
  return `${publicUrl}/acme/account/${id}`;
}
