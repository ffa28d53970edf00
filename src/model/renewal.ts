import type { Certificate, RenewalWindow } from './certificate.ts';
import { base64url, fromBase64url, hex } from './encoding.ts';
import { seconds } from './seconds.ts';

/** Seconds. */
/** Up to so long a life, a certificate is renewed about half way; else when about a third is left. */
const shortLife = 10 * seconds.day;
/** Parts of a life: when the earliest window begins, by how much the windows of a fleet are spread, and how long each is. */
const from = { short: 0.45, long: 0.65 };
const spread = 0.05;
const length = 0.08;
/** A moved window ends before this part of the life, or is not for this certificate. */
const latest = 0.9;

/** What a window depends on. */
type Life = Pick<Certificate, 'serial' | 'notBefore' | 'notAfter' | 'revocation' | 'movedWindow'>;

/**
 * When to renew (RFC 9773 §4.2): a revoked certificate at once; else as an operator has said, where the certificate lives to see it; else in a window that
 * lies anywhere within a few days, by the serial, so that what was issued on one day is not renewed on one day. Start < end, and end < notAfter.
 */
export function suggestedWindow(certificate: Life, now: number): RenewalWindow {
  const { revocation, notBefore, notAfter, serial } = certificate;
  if (revocation) {
    const end = Math.min(revocation.at, now) - 1;
    return { start: end - seconds.hour, end };
  }
  const moved = movedWindow(certificate);
  if (moved) return { start: moved.start, end: moved.end };
  const life = notAfter - notBefore;
  const begin = (life <= shortLife ? from.short : from.long) + spread * fraction(serial);
  const end = Math.min(notBefore + Math.floor(life * (begin + length)), notAfter - 1);
  return { start: Math.min(notBefore + Math.floor(life * begin), end - 1), end };
}

/** The window that an operator has moved, where it counts. */
export function movedWindow({ revocation, movedWindow: moved, notBefore, notAfter }: Omit<Life, 'serial'>): Certificate['movedWindow'] {
  return !revocation && moved && moved.end <= notBefore + (notAfter - notBefore) * latest ? moved : undefined;
}

/** 0 to 1, the same for the same certificate: the last bits of a serial are random. */
const fraction = (serial: string): number => Number.parseInt(serial.slice(-8), 16) / 2 ** 32;

/** RFC 9773 §4.1: the authority key identifier, and the octets of the serial's DER INTEGER, both in base64url. */
export function certId(keyIdentifier: Uint8Array, serial: string): string {
  const value = Buffer.from(serial, 'hex');
  return `${base64url(keyIdentifier)}.${base64url((value[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), value]) : value)}`;
}

/** Both parts, the serial in its stored form; undefined where it is none: each certificate has one certID. */
export function parseCertId(text: unknown): { keyIdentifier: Uint8Array; serial: string } | undefined {
  const parts = typeof text === 'string' ? text.split('.') : [];
  const [keyIdentifier, der] = parts.map(fromBase64url);
  if (parts.length !== 2 || !keyIdentifier?.length || !der?.length) return undefined;
  const [first = 0, second = 0] = der;
  const isMinimal = first !== 0 || second & 0x80;
  if (first & 0x80 || !isMinimal) return undefined;
  return { keyIdentifier, serial: hex(first === 0 ? der.subarray(1) : der) };
}
