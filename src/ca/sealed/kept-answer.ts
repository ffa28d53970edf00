import type { Ctx } from '../../ctx.ts';
import type { AnswerName } from '../../store/idempotency.ts';

/** What the admin API has answered under an Idempotency-Key: it holds what is shown once. */
const place = ({ tokenId, key }: AnswerName) => ({ in: 'idempotent_answers.answer' as const, row: `${tokenId} ${key}` });

/** @param answer JSON */
export const sealAnswer = ({ vault }: Pick<Ctx, 'vault'>, name: AnswerName, answer: string): Uint8Array =>
  vault.seal(place(name), Buffer.from(answer));

export const openAnswer = ({ vault }: Pick<Ctx, 'vault'>, name: AnswerName, sealed: Uint8Array): string =>
  Buffer.from(vault.open(place(name), sealed)).toString();
