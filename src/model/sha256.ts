import { hash } from 'node:crypto';

/** SHA-256 of bytes, or of text in UTF-8. */
export const sha256 = (data: Uint8Array | string): Uint8Array => hash('sha256', data, 'buffer');
