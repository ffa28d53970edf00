import { createPublicKey, verify } from 'node:crypto';
import { checkSigned } from './check-signed.ts';
import {
  DerError,
  elements,
  integer,
  octetString,
  oid,
  readBits,
  readDer,
  readTime,
  sequence,
  type Tlv,
  tags,
  tlv,
  unsigned,
} from './der.ts';
import { issuerHashes } from './ocsp.ts';
import { oids } from './oids.ts';

/** What somebody who relies on us asks and reads: the CA looks at its own services with these eyes. */

interface IssuerKey {
  subject: Uint8Array;
  spki: Uint8Array;
  signatureAlgorithm: Uint8Array;
}

/** RFC 6960 §4.1 with a nonce (RFC 9654), so that the answer is signed now. */
export function writeOcspRequest({ subject, spki }: Pick<IssuerKey, 'subject' | 'spki'>, serial: string, nonce: Uint8Array): Uint8Array {
  const { name, key } = issuerHashes('sha256', subject, spki);
  const certId = sequence(
    sequence(oid(oids.sha256), tlv(tags.null)),
    octetString(Buffer.from(name, 'hex')),
    octetString(Buffer.from(key, 'hex')),
    integer(Buffer.from(serial, 'hex')),
  );
  const extension = sequence(sequence(oid(oids.ocspNonce), octetString(octetString(nonce))));
  return sequence(sequence(sequence(sequence(certId)), tlv(0xa2, extension)));
}

/** @param spki the responder's key @throws Error that says why nobody could rely on the answer */
export function checkOcspAnswer(
  der: Uint8Array,
  { serial, nonce, spki, now }: { serial: string; nonce: Uint8Array; spki: Uint8Array; now: number },
): void {
  const [code, content] = elements(readDer(der), tags.sequence);
  if (!content) throw new Error(`it refuses to answer (${code?.value[0]})`);
  const basic = elements(only(content))[1];
  const [data, , signature] = elements(readDer(basic?.value ?? new Uint8Array()), tags.sequence);
  if (!data || !signature) throw new DerError('no signed answer');
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  if (!verify('sha256', data.bytes, key, readBits(signature))) throw new Error('the signature of the answer does not verify');
  const members = elements(data);
  const singles = members.find(m => m.tag === tags.sequence);
  const [certId, status, , next] = elements(only(singles ?? data));
  const asked = certId && elements(certId)[3];
  if (!asked || Buffer.from(unsigned(asked)).toString('hex') !== serial) throw new Error('the answer is about another certificate');
  if (status?.tag !== 0x80) throw new Error('a certificate of the CA that is good is said not to be');
  if (!next || generalized(only(next)) <= now) throw new Error('the answer has ended');
  const extensions = members.find(m => m.tag === 0xa1);
  // Under load the responder leaves the nonce out (RFC 9654 §2.1); another one it never gives.
  if (extensions && !Buffer.from(extensions.bytes).includes(Buffer.from(nonce))) throw new Error('the answer has another nonce');
}

function only(element: Tlv): Tlv {
  const [first] = elements(element);
  if (!first) throw new DerError('empty');
  return first;
}

/** GeneralizedTime of any year (RFC 6960 §4.2.2.1). */
function generalized({ value }: Tlv): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(Buffer.from(value).toString('latin1')) ?? [];
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)) / 1000;
}

/** @throws Error that says why nobody could rely on the CRL */
export function checkCrl(der: Uint8Array, { spki, signatureAlgorithm }: Pick<IssuerKey, 'spki' | 'signatureAlgorithm'>, now: number): void {
  const [tbs] = elements(readDer(der), tags.sequence);
  if (!tbs || !checkSigned(der, tbs.bytes, signatureAlgorithm, spki)) throw new Error('the signature of the CRL does not verify');
  const [, , , thisUpdate, nextUpdate] = elements(tbs);
  if (!thisUpdate || !nextUpdate) throw new DerError('no CRL');
  if (readTime(thisUpdate) > now) throw new Error('the CRL is of a time to come');
  if (readTime(nextUpdate) <= now) throw new Error('the CRL has ended');
}
