import { z } from 'zod';
import { parseReason, type RevocationReason } from '../model/certificate.ts';

/** Of a revocation, by name or number (RFC 5280 §5.3.1). */
export const reasonAmong = (allowed: readonly RevocationReason[]) =>
  z.string().transform((text, context) => {
    const parsed = parseReason(text);
    if (parsed !== undefined && allowed.includes(parsed)) return parsed;
    context.addIssue(`is one of ${allowed.join(', ')}, or its number`);
    return 'unspecified';
  });
