import { hash } from 'node:crypto';

/** Merkle trees of RFC 6962 §2.1, with SHA-256. A node of level l covers 2^l leaves; the n-th covers those from n * 2^l on. */

export type Hash = Uint8Array;

/** In one call: a tree is millions of them. */
const sha256 = (bytes: Uint8Array): Hash => hash('sha256', bytes, 'buffer');

const leafPrefix = Buffer.of(0);
const nodePrefix = Buffer.of(1);

export const leafHash = (entry: Uint8Array): Hash => sha256(Buffer.concat([leafPrefix, entry]));
export const nodeHash = (left: Hash, right: Hash): Hash => sha256(Buffer.concat([nodePrefix, left, right], 65));
export const emptyRoot: Hash = sha256(Buffer.of());

export const sameHash = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** What is needed of a tree to go on with it: the complete subtrees that it consists of, the largest first. */
export interface Edge {
  size: number;
  hashes: Hash[];
}

/** Adds a leaf, in place. */
export function grow(edge: Edge, leaf: Hash): void {
  edge.hashes.push(leaf);
  edge.size++;
  for (let size = edge.size; size % 2 === 0; size /= 2) {
    const right = edge.hashes.pop() as Hash;
    const left = edge.hashes.pop() as Hash;
    edge.hashes.push(nodeHash(left, right));
  }
}

export function rootOf({ hashes }: Edge): Hash {
  return hashes.length === 0 ? emptyRoot : hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** Subtrees that make up a tree of this size, as level and index, the largest first. */
export function subtreesOf(size: number): [level: number, index: number][] {
  return coveringOf(0, size);
}

/** The complete subtrees that cover the leaves from `start` up to `end`, from left to right. */
function coveringOf(start: number, end: number): [level: number, index: number][] {
  const found: [number, number][] = [];
  for (let at = start; at < end; ) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level++;
    found.push([level, at / 2 ** level]);
    at += 2 ** level;
  }
  return found;
}

/** Reads the hash of a complete subtree. */
export type NodeReader = (level: number, index: number) => Promise<Hash>;

/** MTH(D[start:end]) where `start` is a multiple of a power of two that is not below the length. */
async function rangeHash(read: NodeReader, start: number, end: number): Promise<Hash> {
  const hashes = await readAll(read, coveringOf(start, end));
  return hashes.reduceRight((right, left) => nodeHash(left, right));
}

/** One after another: a transaction has one connection. */
export async function readAll(read: NodeReader, nodes: readonly [level: number, index: number][]): Promise<Hash[]> {
  const hashes: Hash[] = [];
  for (const [level, index] of nodes) hashes.push(await read(level, index));
  return hashes;
}

/** The largest power of two below a number (RFC 6962 §2.1: k). */
function splitOf(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

export async function treeHash(read: NodeReader, size: number): Promise<Hash> {
  return size === 0 ? emptyRoot : rangeHash(read, 0, size);
}

/** RFC 6962 §2.1.1: PATH(index, D[size]), the lowest sibling first. @throws RangeError where there is no such leaf */
export async function inclusionProof(read: NodeReader, index: number, size: number): Promise<Hash[]> {
  if (!(Number.isSafeInteger(index) && index >= 0 && index < size)) throw new RangeError(`a tree of ${size} has no leaf ${index}`);
  const path: Hash[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      path.push(await rangeHash(read, middle, end));
      end = middle;
    } else {
      path.push(await rangeHash(read, start, middle));
      start = middle;
    }
  }
  return path.reverse();
}

/** RFC 9162 §2.1.3.2. */
export function isIncluded(leaf: Hash, index: number, size: number, proof: readonly Hash[], root: Hash): boolean {
  if (index < 0 || index >= size) return false;
  let [fn, sn] = [index, size - 1];
  let hash = leaf;
  for (const sibling of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(sibling, hash);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else hash = nodeHash(hash, sibling);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && sameHash(hash, root);
}

/** RFC 6962 §2.1.2: PROOF(first, D[second]). Empty where the sizes are equal or the first tree is empty. @throws RangeError */
export async function consistencyProof(read: NodeReader, first: number, second: number): Promise<Hash[]> {
  if (first < 0 || first > second) throw new RangeError(`a tree of ${first} is no part of one of ${second}`);
  if (first === 0 || first === second) return [];
  const path: Hash[] = [];
  let [start, end] = [0, second];
  // Whether the subtree that is left is the whole of the first tree (SUBPROOF's b).
  let whole = true;
  while (first !== end) {
    const middle = start + splitOf(end - start);
    if (first <= middle) {
      path.push(await rangeHash(read, middle, end));
      end = middle;
    } else {
      path.push(await rangeHash(read, start, middle));
      start = middle;
      whole = false;
    }
  }
  if (!whole) path.push(await rangeHash(read, start, end));
  return path.reverse();
}

/** RFC 9162 §2.1.4.2: whether the tree of the second size begins with that of the first. */
export function isConsistent(
  { size: first, root: firstRoot }: { size: number; root: Hash },
  { size: second, root: secondRoot }: { size: number; root: Hash },
  proof: readonly Hash[],
): boolean {
  if (first > second) return false;
  if (first === second) return proof.length === 0 && sameHash(firstRoot, secondRoot);
  if (first === 0) return proof.length === 0 && sameHash(firstRoot, emptyRoot);
  let [fn, sn] = [first - 1, second - 1];
  while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  // A first tree that is a complete subtree is not in the proof: its root is known.
  const [seed, ...path] = fn === 0 ? [firstRoot, ...proof] : proof;
  if (seed === undefined) return false;
  let [fr, sr] = [seed, seed];
  for (const hash of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      [fr, sr] = [nodeHash(hash, fr), nodeHash(hash, sr)];
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else sr = nodeHash(sr, hash);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && sameHash(fr, firstRoot) && sameHash(sr, secondRoot);
}
