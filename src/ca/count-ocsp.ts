import type { Ctx } from '../ctx.ts';
import { type OcspOutcome, readOcspOutcome } from '../pki/ocsp-outcome.ts';
import type { OcspAnswer, OcspResponder } from './answer-ocsp.ts';

/** The same responder, with its answers counted by what they say. */
export function countedOcsp({ metrics }: Ctx, respond: OcspResponder): OcspResponder {
  // What is given to many is read once.
  const outcomes = new WeakMap<OcspAnswer, OcspOutcome>();
  const outcomeOf = (answer: OcspAnswer): OcspOutcome => {
    const known = outcomes.get(answer);
    if (known) return known;
    const read = readOcspOutcome(answer.der);
    outcomes.set(answer, read);
    return read;
  };
  return async request => {
    const answer = await respond(request);
    if ('refusal' in answer && answer.refusal) metrics.answeredOcsp(answer.refusal, false);
    else {
      const { outcome, nonce } = outcomeOf(answer);
      metrics.answeredOcsp(outcome, nonce);
    }
    return answer;
  };
}
