import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Primes below 752: a modulus that one of them divides was made by a broken generator. */
const smallPrimes = sieve(752);

/** 38 primes and, for each, the residues that powers of 65537 take: every modulus of CVE-2017-15361 (ROCA) lies in all of them. */
const rocaResidues = smallPrimes
  .filter(p => p >= 3 && p <= 167)
  .map(p => {
    const residues = new Set<number>();
    for (let power = 1; !residues.has(power); power = (power * 65537) % p) residues.add(power);
    return [BigInt(p), residues] as const;
  });

function sieve(limit: number): number[] {
  const composite = new Uint8Array(limit);
  const primes: number[] = [];
  for (let n = 2; n < limit; n++) {
    if (composite[n]) continue;
    primes.push(n);
    for (let m = n * n; m < limit; m += n) composite[m] = 1;
  }
  return primes;
}

/** What is known to be wrong with an RSA key, in words; undefined where nothing is. */
export function rsaWeakness(modulus: Uint8Array, weakKeys: ReadonlySet<string>): string | undefined {
  const n = BigInt(`0x${Buffer.from(modulus).toString('hex')}`);
  const factor = smallPrimes.find(p => n % BigInt(p) === 0n);
  if (factor) return `its modulus is divisible by ${factor}`;
  if (rocaResidues.every(([p, residues]) => residues.has(Number(n % p)))) return 'it was made by a faulty chip (ROCA, CVE-2017-15361)';
  if (hasClosePrimes(n, 100)) return 'its primes lie close together (Fermat)';
  if (weakKeys.has(debianFingerprint(modulus))) return 'it was made by the predictable generator of CVE-2008-0166 (Debian)';
  return undefined;
}

/** Fermat's factorisation in a few rounds (RFC 9155's kin: "fermatattack", CVE-2022-26320). */
function hasClosePrimes(n: bigint, rounds: number): boolean {
  let a = squareRoot(n);
  if (a * a < n) a += 1n;
  for (let i = 0; i < rounds; i++, a += 1n) {
    const square = a * a - n;
    // A square is 0, 1, 4 or 9 modulo 16: most candidates end here.
    const low = Number(square & 15n);
    if (low !== 0 && low !== 1 && low !== 4 && low !== 9) continue;
    const b = squareRoot(square);
    if (b * b === square) return true;
  }
  return false;
}

/** Newton's iteration, rounded down. */
function squareRoot(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(16).length * 4 + 1) >> 1);
  for (;;) {
    const next = (x + n / x) >> 1n;
    if (next >= x) return x;
    x = next;
  }
}

/** As in the lists of Debian's openssl-blacklist: the last 20 hex digits of the SHA-1 of `Modulus=<uppercase hex>\n`. */
export function debianFingerprint(modulus: Uint8Array): string {
  const digits = Buffer.from(modulus).toString('hex').toUpperCase().replace(/^0+/, '');
  return createHash('sha1').update(`Modulus=${digits}\n`).digest('hex').slice(20);
}

/** Reads lists in that format: one fingerprint a line, `#` begins a comment. @throws Error naming the file and line */
export function readWeakKeyLists(files: readonly string[]): ReadonlySet<string> {
  const fingerprints = new Set<string>();
  for (const file of files) {
    for (const [i, line] of readFileSync(file, 'utf8').split('\n').entries()) {
      const text = line.replace(/#.*/, '').trim();
      if (text === '') continue;
      if (!/^[0-9a-f]{20}$/i.test(text)) throw new Error(`${file}:${i + 1}: is not a fingerprint of 20 hex digits`);
      fingerprints.add(text.toLowerCase());
    }
  }
  return fingerprints;
}
