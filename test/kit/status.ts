import { verify } from 'node:crypto';
import type { OcspAnswer } from '../../src/ca/revocation/answer-ocsp.ts';
import type { Issuer } from '../../src/ctx.ts';
import { elements, integer, octetString, oid, readBits, readDer, readTime, sequence, tags, tlv, unsigned } from '../../src/pki/der.ts';
import { issuerHashes } from '../../src/pki/ocsp.ts';
import { oids } from '../../src/pki/oids.ts';

/** What relying parties read, taken apart with the plain reader. */

export interface ReadCrl {
  serials: string[];
  thisUpdate: number;
  nextUpdate: number;
}

/** @throws where the issuer did not sign it */
export function readCrl(der: Uint8Array, issuer: Pick<Issuer, 'spki'>): ReadCrl {
  const [tbs, , signature] = elements(readDer(der));
  if (!tbs || !signature) throw new Error('no CRL');
  const key = { key: Buffer.from(issuer.spki), format: 'der', type: 'spki' } as const;
  if (!verify('sha256', tbs.bytes, key, readBits(signature))) throw new Error('the signature of the CRL does not verify');
  const [, , , thisUpdate, nextUpdate, list] = elements(tbs);
  if (!thisUpdate || !nextUpdate || !list) throw new Error('no CRL');
  const entries = list.tag === tags.sequence ? elements(list) : [];
  const serials = entries.map(entry => {
    const [serial] = elements(entry);
    return serial ? Buffer.from(unsigned(serial)).toString('hex') : '';
  });
  return { serials, thisUpdate: readTime(thisUpdate), nextUpdate: readTime(nextUpdate) };
}

/** RFC 6960 §4.1: SHA-1 CertIDs, as most clients send them, unless another hash is asked for. */
export function ocspRequest(
  { authority }: { authority: { active: Pick<Issuer, 'subject' | 'spki'> } },
  serials: string | string[],
  { hash = 'sha1', nonce }: { hash?: 'sha1' | 'sha256'; nonce?: Uint8Array } = {},
): Uint8Array {
  const { subject, spki } = authority.active;
  const { name, key } = issuerHashes(hash, subject, spki);
  const certId = (serial: string) =>
    sequence(
      sequence(oid(oids[hash]), tlv(tags.null)),
      octetString(Buffer.from(name, 'hex')),
      octetString(Buffer.from(key, 'hex')),
      integer(Buffer.from(serial, 'hex')),
    );
  const list = sequence(...[serials].flat().map(serial => sequence(certId(serial))));
  const extensions = nonce && tlv(0xa2, sequence(sequence(oid(oids.ocspNonce), octetString(octetString(nonce)))));
  return sequence(sequence(list, ...(extensions ? [extensions] : [])));
}

export interface ReadOcsp {
  /** Of the first certificate: `good`, `revoked`, or the error code of an unsigned answer. */
  status: string;
  certificates: number;
  nonce?: Uint8Array;
  responderCertificate?: Uint8Array;
}

export function readOcsp(answer: Uint8Array | OcspAnswer): ReadOcsp {
  const [code, content] = elements(readDer('der' in answer ? answer.der : answer));
  if (!content) return { status: `error ${code?.value[0]}`, certificates: 0 };
  const [response] = elements(content);
  const basic = response && elements(response)[1];
  if (!basic) throw new Error('no OCSP response');
  const [data, , , certificates] = elements(readDer(basic.value));
  const list = data && elements(data).find(e => e.tag === tags.sequence);
  const singles = list ? elements(list) : [];
  const status = singles[0] && elements(singles[0])[1];
  const responder = certificates && elements(elements(certificates)[0] ?? certificates)[0];
  // The only extension that we give.
  const extension = data && elements(data).find(e => e.tag === 0xa1);
  const nonce = extension && elements(elements(elements(extension)[0] ?? extension)[0] ?? extension)[1];
  return {
    status: status?.tag === 0x80 ? 'good' : status?.tag === 0xa1 ? 'revoked' : `tag ${status?.tag}`,
    certificates: singles.length,
    ...(nonce && { nonce: readDer(nonce.value).value }),
    ...(responder && { responderCertificate: responder.bytes }),
  };
}
