import { contextConstructed, DerError, elements, readDer, type Tlv, tags } from './der.ts';

export interface OcspOutcome {
  /** `revoked` where any of several certificates is. */
  outcome: 'good' | 'revoked';
  nonce: boolean;
}

/** What a signed answer of ours says (RFC 6960 §4.2.1). @throws DerError */
export function readOcspOutcome(der: Uint8Array): OcspOutcome {
  const basic = readDer(member(member(member(readDer(der), 1), 0), 1).value);
  const data = elements(member(basic, 0));
  const singles = data.find(e => e.tag === tags.sequence);
  const statuses = singles ? elements(singles).map(single => member(single, 1).tag) : [];
  // The nonce is the only extension of an answer.
  return { outcome: statuses.includes(contextConstructed(1)) ? 'revoked' : 'good', nonce: data.at(-1)?.tag === contextConstructed(1) };
}

function member(of: Tlv, index: number): Tlv {
  const found = elements(of)[index];
  if (!found) throw new DerError('no OCSP answer');
  return found;
}
