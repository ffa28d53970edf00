import { z } from 'zod';
import { parseSerial, profileNames } from '../model/certificate.ts';
import { Problem } from '../model/problem.ts';
import type { CertificateFilter } from '../store/certificate-filter.ts';
import { memberId, moment } from './operation.ts';

/** In hex, with or without colons. */
export const serial = z.string().transform((text, context) => {
  const parsed = parseSerial(text);
  if (parsed === undefined) context.addIssue('is a serial number in hex, with or without colons');
  return parsed ?? '';
});

/** SHA-256 of a SubjectPublicKeyInfo. */
export const keyHash = z
  .string()
  .transform(text => text.replaceAll(':', '').toLowerCase())
  .refine(text => /^[0-9a-f]{64}$/.test(text), "is the SHA-256 of the key's SubjectPublicKeyInfo in hex");

/** Which certificates are meant, for every operation on several of them; what is said must hold all together. */
export const filterShape = {
  member: memberId.optional().describe('of this member only'),
  issuer: z.string().optional().describe('of the issuing CA with this id only'),
  profile: z.enum(profileNames).optional().describe('of this profile only'),
  key: keyHash.optional().describe('with this key only: SHA-256 of the SubjectPublicKeyInfo in hex'),
  serial: serial.optional().describe('this one'),
  name: z
    .string()
    .transform(text => text.toLowerCase())
    .optional()
    .describe('with exactly this name only'),
  issuedAfter: moment.optional().describe('issued at this time (RFC 3339) or later'),
  issuedBefore: moment.optional().describe('issued at this time (RFC 3339) or earlier'),
  expiresAfter: moment.optional().describe('that end then or later'),
  expiresBefore: moment.optional().describe('that end then or earlier'),
};

/** What of an operation's input is the filter. */
export function filterOf(input: CertificateFilter): CertificateFilter {
  const words = Object.keys(filterShape) as (keyof CertificateFilter)[];
  return Object.fromEntries(words.filter(word => input[word] !== undefined).map(word => [word, input[word]]));
}

/** The same for what must not be done to all certificates by a slip. @throws Problem malformed */
export function narrowFilterOf(input: CertificateFilter): CertificateFilter {
  const filter = filterOf(input);
  if (Object.keys(filter).length === 0)
    throw new Problem('malformed', `Say which certificates, by one or more of ${Object.keys(filterShape).join(', ')}.`);
  return filter;
}
