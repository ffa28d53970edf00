import { contextConstructed, DerError, elements, readDer, type Tlv, tags } from './der.ts';
import { errorCodes } from './ocsp.ts';

type OcspError = keyof typeof errorCodes;

export interface OcspOutcome {
  /** `revoked` where any of several certificates is. */
  outcome: 'good' | 'revoked' | OcspError;
  nonce: boolean;
}

const errors = new Map(Object.entries(errorCodes).map(([name, code]) => [code as number, name as OcspError]));

/** What an answer of ours says (RFC 6960 §4.2.1). @throws DerError */
export function readOcspOutcome(der: Uint8Array): OcspOutcome {
  const [code, content] = elements(readDer(der));
  const error = errors.get(code?.value[0] ?? 0);
  if (error) return { outcome: error, nonce: false };
  const basic = readDer(member(member(content, 0), 1).value);
  const data = elements(member(basic, 0));
  const singles = data.find(e => e.tag === tags.sequence);
  const statuses = singles ? elements(singles).map(single => member(single, 1).tag) : [];
  // The nonce is the only extension of an answer.
  return { outcome: statuses.includes(contextConstructed(1)) ? 'revoked' : 'good', nonce: data.at(-1)?.tag === contextConstructed(1) };
}

function member(of: Tlv | undefined, index: number): Tlv {
  const found = of && elements(of)[index];
  if (!found) throw new DerError('no OCSP answer');
  return found;
}
