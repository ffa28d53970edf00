import type { Ctx } from '../ctx.ts';
import { type OcspOutcome, readOcspOutcome } from '../pki/ocsp-outcome.ts';
import type { OcspResponder } from './answer-ocsp.ts';

/** The same responder, with its answers counted by what they say. */
export function countedOcsp({ metrics }: Ctx, answer: OcspResponder): OcspResponder {
  // What is given to many is read once.
  const outcomes = new WeakMap<Uint8Array, OcspOutcome>();
  return async request => {
    const der = await answer(request);
    const known = outcomes.get(der) ?? readOcspOutcome(der);
    outcomes.set(der, known);
    metrics.answeredOcsp(known.outcome, known.nonce);
    return der;
  };
}
