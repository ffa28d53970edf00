import { type Edge, type Hash, type NodeReader, nodeHash, readAll, subtreesOf } from './merkle.ts';

/** The tiles of a tree as they are published: C2SP tlog-tiles. A tile is up to 256 hashes of subtrees of 256^level leaves each. */

export const tileWidth = 256;
const tileHeight = 8;
const hashSize = 32;

export interface TileId {
  level: number;
  index: number;
}

/** A tile, or a bundle of entries, as a path names it; `width` below 256 is that of a partial one. */
export interface TilePath extends TileId {
  kind: 'hashes' | 'entries';
  width: number;
}

/** Index in groups of three digits, all but the last with an `x` before them. */
function indexPath(index: number): string {
  const groups: string[] = [];
  for (let rest = index; ; rest = Math.floor(rest / 1000)) {
    groups.unshift(`${groups.length ? 'x' : ''}${String(rest % 1000).padStart(3, '0')}`);
    if (rest < 1000) return groups.join('/');
  }
}

/** Below the prefix of the log: `tile/0/x001/234`, `tile/entries/000.p/17`. */
export function tilePath({ kind, level, index, width }: TilePath): string {
  return `tile/${kind === 'entries' ? 'entries' : level}/${indexPath(index)}${width < tileWidth ? `.p/${width}` : ''}`;
}

/** @returns undefined for what is no path of a tile: each has one spelling */
export function readTilePath(path: string): TilePath | undefined {
  const match = /^tile\/(entries|0|[1-9]\d?)\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path);
  if (!match) return undefined;
  const [, of = '', digits = '', partial] = match;
  const found: TilePath = {
    kind: of === 'entries' ? 'entries' : 'hashes',
    level: of === 'entries' ? 0 : Number(of),
    index: Number(digits.replace(/[x/]/g, '')),
    width: partial === undefined ? tileWidth : Number(partial),
  };
  return tilePath(found) === path && found.level < 64 && Number.isSafeInteger(found.index) ? found : undefined;
}

/** How many hashes a tile of a tree of this size has; 0 where it has none. */
export function widthOf({ level, index }: TileId, size: number): number {
  const hashes = Math.floor(size / 256 ** level);
  return Math.max(0, Math.min(tileWidth, hashes - index * tileWidth));
}

/** The tiles at the right edge of a tree of this size that are not full, the lowest first. */
export function partialTiles(size: number): (TileId & { width: number })[] {
  const found: (TileId & { width: number })[] = [];
  for (let level = 0, hashes = size; hashes > 0; level++, hashes = Math.floor(hashes / tileWidth))
    if (hashes % tileWidth) found.push({ level, index: Math.floor(hashes / tileWidth), width: hashes % tileWidth });
  return found;
}

const hashAt = (tile: Uint8Array, i: number): Hash => tile.subarray(i * hashSize, (i + 1) * hashSize);

export function hashesOf(tile: Uint8Array): Hash[] {
  return Array.from({ length: tile.length / hashSize }, (_, i) => hashAt(tile, i));
}

/** The hash over a power of two of hashes. */
function complete(hashes: readonly Hash[]): Hash {
  let level = hashes;
  while (level.length > 1) {
    const above: Hash[] = [];
    for (let i = 0; i < level.length; i += 2) above.push(nodeHash(level[i] as Hash, level[i + 1] as Hash));
    level = above;
  }
  return level[0] as Hash;
}

/** Reads a tile whole, as wide as the tree has it. */
export type TileReader = (tile: TileId) => Promise<Uint8Array>;

/** The subtrees of a tree of this size from its tiles. @throws where a tile is narrower than it must be */
export function nodesOf(readTile: TileReader): NodeReader {
  return async (level, index) => {
    const tileLevel = Math.floor(level / tileHeight);
    const count = 2 ** (level % tileHeight);
    const first = index * count;
    const tile = await readTile({ level: tileLevel, index: Math.floor(first / tileWidth) });
    const within = first % tileWidth;
    if (tile.length < (within + count) * hashSize)
      throw new Error(`the tile ${tileLevel}/${Math.floor(first / tileWidth)} is too narrow for node ${level}/${index}`);
    return complete(Array.from({ length: count }, (_, i) => hashAt(tile, within + i)));
  };
}

export async function edgeOf(read: NodeReader, size: number): Promise<Edge> {
  return { size, hashes: await readAll(read, subtreesOf(size)) };
}

export interface Tile extends TileId {
  hashes: Hash[];
}

/**
 * Adds leaves to a tree of which the partial tiles are at hand.
 * @returns every tile that is new or wider, the last of a level last; and all that are partial now, also those that did not change
 */
export function growTiles(size: number, partial: readonly Tile[], leaves: readonly Hash[]): { changed: Tile[]; partial: Tile[] } {
  const open = new Map<number, Tile>(partial.map(t => [t.level, { ...t, hashes: [...t.hashes] }]));
  const changed = new Set<Tile>();
  const add = (level: number, hash: Hash, position: number): void => {
    const tile = open.get(level) ?? { level, index: Math.floor(position / tileWidth), hashes: [] };
    open.set(level, tile);
    tile.hashes.push(hash);
    changed.add(tile);
    if (tile.hashes.length < tileWidth) return;
    open.delete(level);
    add(level + 1, complete(tile.hashes), tile.index);
  };
  leaves.forEach((leaf, i) => {
    add(0, leaf, size + i);
  });
  return { changed: [...changed], partial: [...open.values()] };
}
