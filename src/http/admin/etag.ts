import type { Ctx } from '../../ctx.ts';
import { clock } from '../../model/audit.ts';
import { base64url } from '../../model/encoding.ts';
import { Problem } from '../../model/problem.ts';
import { sha256 } from '../../model/sha256.ts';
import { type AdminRoute, resourceOf } from './routes.ts';

/** Of what is shown: whatever changes there changes the tag. */
export const etagOf = (output: unknown): string => `"${base64url(sha256(JSON.stringify(output))).slice(0, 22)}"`;

/**
 * RFC 9110 §13.1.1: the resource is as the caller has seen it. What changes between this look and the act is refused by the act itself, which
 * compares and swaps in its own transaction.
 * @throws Problem 412
 */
export async function checkIfMatch(
  ctx: Ctx,
  route: AdminRoute,
  values: Record<string, unknown>,
  ifMatch: string | undefined,
): Promise<void> {
  if (ifMatch === undefined) return;
  const resource = resourceOf(route);
  if (!resource) throw new Problem('malformed', 'Nothing is read at this path that If-Match could be compared with.', { status: 412 });
  const { operation } = resource;
  const current = etagOf(operation.output.parse(await operation.run(ctx, operation.input.parse(values), clock)));
  const wanted = ifMatch.split(',').map(tag => tag.trim());
  if (wanted.includes('*') || wanted.includes(current)) return;
  throw new Problem('malformed', 'It has been changed since it was read: read it again, and decide anew.', { status: 412 });
}
