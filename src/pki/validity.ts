import { DerError, elements, readDer, readTime } from './der.ts';

/** Epoch seconds, both inclusive, of a certificate of ours. @throws DerError */
export function readValidity(certificate: Uint8Array): { notBefore: number; notAfter: number } {
  const [tbs] = elements(readDer(certificate));
  const validity = tbs && elements(tbs)[4];
  const [notBefore, notAfter] = validity ? elements(validity) : [];
  if (!notBefore || !notAfter) throw new DerError('no validity');
  return { notBefore: readTime(notBefore), notAfter: readTime(notAfter) };
}
