import type { Ctx } from '../../ctx.ts';
import { Lru } from '../../model/lru.ts';
import type { OcspStatus } from '../../pki/ocsp.ts';
import { countRevocations } from '../../store/crls.ts';

/** What a signed answer says: `revoked` where any of several certificates is. */
export type OcspOutcome = OcspStatus['status'];

/** A signed answer without a nonce. */
export interface SharedAnswer {
  der: Uint8Array;
  outcome: OcspOutcome;
  /** Bytes of memory. */
  size: number;
  thisUpdate: number;
  nextUpdate: number;
  /** From then on a new one is signed. */
  until: number;
}

/** Bytes of an issuer's answers that are kept. */
const limit = 32 << 20;

/** An issuer's answers, all of them younger than its last revocation that is known here. */
class Shelf {
  readonly answers = new Lru<SharedAnswer>(limit);
  /** Answers that are being signed, each for everyone who asks meanwhile. */
  readonly coming = new Map<string, Promise<SharedAnswer>>();
  /** When the issuer's revocations were counted last, and how many they were. */
  counted?: { at: number; revocations: number };
  counting?: Promise<void>;

  drop(): void {
    this.answers.clear();
    this.coming.clear();
  }
}

/** What OCSP has signed, kept in memory by issuer and CertIDs. */
export class OcspAnswers {
  readonly #ctx: Ctx;
  readonly #shelves = new Map<string, Shelf>();

  constructor(ctx: Ctx) {
    this.#ctx = ctx;
    ctx.revocations.on('committed', issuerId => this.#shelves.get(issuerId)?.drop());
  }

  /**
   * Forgets what a revocation in any process has made doubtful, a second after it at the latest: each increments the count in its own transaction.
   * @returns undefined where that has just been done
   */
  catchUp(issuerId: string): Promise<void> | undefined {
    const shelf = this.#shelf(issuerId);
    if (shelf.counted?.at === this.#ctx.now()) return undefined;
    shelf.counting ??= this.#count(issuerId, shelf).finally(() => delete shelf.counting);
    return shelf.counting;
  }

  async #count(issuerId: string, shelf: Shelf): Promise<void> {
    const at = this.#ctx.now();
    const revocations = await countRevocations(this.#ctx.db, issuerId);
    if (revocations !== shelf.counted?.revocations) shelf.drop();
    shelf.counted = { at, revocations };
  }

  find(issuerId: string, key: string): SharedAnswer | undefined {
    const now = this.#ctx.now();
    const known = this.#shelf(issuerId).answers.get(key);
    return known && known.thisUpdate <= now && now < known.until ? known : undefined;
  }

  /** @param sign by what the database says then */
  async make(issuerId: string, key: string, sign: () => Promise<SharedAnswer>): Promise<SharedAnswer> {
    const { answers, coming } = this.#shelf(issuerId);
    const before = coming.get(key);
    if (before) return before;
    const next = sign();
    coming.set(key, next);
    try {
      const answer = await next;
      // Otherwise a revocation came in between.
      if (coming.get(key) === next) answers.set(key, answer);
      return answer;
    } finally {
      if (coming.get(key) === next) coming.delete(key);
    }
  }

  #shelf(issuerId: string): Shelf {
    const known = this.#shelves.get(issuerId);
    if (known) return known;
    const shelf = new Shelf();
    this.#shelves.set(issuerId, shelf);
    return shelf;
  }
}
