import type { Ctx } from '../../ctx.ts';
import { asProblem } from '../../model/problem.ts';

/** What follows the right code counts as a validation, by its outcome; a wrong code settles nothing. */
export async function countCode<T>(ctx: Ctx, accept: () => Promise<T>): Promise<T> {
  const settled = ctx.metrics.beginValidation('email-mailbox-01');
  try {
    const accepted = await accept();
    settled('valid');
    return accepted;
  } catch (error) {
    settled(asProblem(error).type);
    throw error;
  }
}
