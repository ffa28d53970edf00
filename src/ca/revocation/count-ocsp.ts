import type { Ctx } from '../../ctx.ts';
import type { OcspResponder } from './answer-ocsp.ts';

/** The same responder, with its answers counted by what they say. */
export function countedOcsp({ metrics }: Ctx, respond: OcspResponder): OcspResponder {
  return async request => {
    const answer = await respond(request);
    if ('refusal' in answer) metrics.answeredOcsp(answer.refusal, false);
    else metrics.answeredOcsp(answer.outcome, 'nonce' in answer);
    return answer;
  };
}
