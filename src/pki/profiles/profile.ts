import type { AltName } from '../names.ts';

/** A certificate profile: what distinguishes one leaf from another. All else is the same for every leaf. */
export interface Profile {
  /** For people who choose: one line, in the directory's `meta.profiles`. */
  description: string;
  /** Seconds from notBefore to the end, the last second included. */
  lifetime: number;
  /** The names that stand for each ordered name. */
  altNames: readonly AltName['kind'][];
  /** Whether relying parties can ask about it (CRL and OCSP), or it lives too briefly for that (RFC 9608). */
  revocable: boolean;
}
