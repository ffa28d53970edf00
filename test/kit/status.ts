import { verify } from 'node:crypto';
import type { Ctx, Issuer } from '../../src/ctx.ts';
import { elements, integer, octetString, oid, readBits, readDer, readTime, sequence, tags, tlv, unsigned } from '../../src/pki/der.ts';
import { issuerHashes } from '../../src/pki/ocsp.ts';

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

/** RFC 6960 §4.1, with SHA-1 CertIDs as most clients send them. */
export function ocspRequest({ authority }: Ctx, serial: string): Uint8Array {
  const { subject, spki } = authority.active;
  const { name, key } = issuerHashes('sha1', subject, spki);
  const certId = sequence(
    sequence(oid('1.3.14.3.2.26'), tlv(tags.null)),
    octetString(Buffer.from(name, 'hex')),
    octetString(Buffer.from(key, 'hex')),
    integer(Buffer.from(serial, 'hex')),
  );
  return sequence(sequence(sequence(sequence(certId))));
}

/** `good`, `revoked`, or the error code of an unsigned answer. */
export function readOcsp(der: Uint8Array): { status: string; responderCertificate?: Uint8Array } {
  const [code, content] = elements(readDer(der));
  if (!content) return { status: `error ${code?.value[0]}` };
  const [response] = elements(content);
  const basic = response && elements(response)[1];
  if (!basic) throw new Error('no OCSP response');
  const [data, , , certificates] = elements(readDer(basic.value));
  const single = data && elements(data).find(e => e.tag === tags.sequence);
  const first = single && elements(single)[0];
  const status = first && elements(first)[1];
  const responder = certificates && elements(elements(certificates)[0] ?? certificates)[0];
  return {
    status: status?.tag === 0x80 ? 'good' : status?.tag === 0xa1 ? 'revoked' : `tag ${status?.tag}`,
    ...(responder && { responderCertificate: responder.bytes }),
  };
}
