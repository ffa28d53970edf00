import type { Ctx } from '../ctx.ts';
import { Lru } from '../model/lru.ts';
import { type CrlRecord, type CrlScope, newestCrl, newestCrlNumber } from '../store/crls.ts';

/** Bytes of CRLs that are kept. */
const limit = 256 << 20;

/** The newest CRL of an issuer, or of a shard of it; its bytes are read from the database once. */
export type FindCrl = (scope: CrlScope) => Promise<CrlRecord | undefined>;

export function publishedCrls({ db }: Ctx): FindCrl {
  const kept = new Lru<CrlRecord & { size: number }>(limit);
  const coming = new Map<string, Promise<CrlRecord | undefined>>();
  return async scope => {
    const name = `${scope.issuerId}/${scope.shard}`;
    const number = await newestCrlNumber(db, scope);
    const known = kept.get(name);
    if (number === undefined || number === known?.number) return known;
    // Many ask for a new one at once; a long one fits into memory, many copies of it do not.
    const key = `${name} ${number}`;
    const reading = coming.get(key) ?? newestCrl(db, scope).finally(() => coming.delete(key));
    coming.set(key, reading);
    const crl = await reading;
    if (crl) kept.set(name, { ...crl, size: crl.der.length });
    return crl;
  };
}
