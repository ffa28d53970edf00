import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Edge, grow, type Hash, inclusionProof, isIncluded, leafHash, rootOf, treeHash } from '../../src/tlog/merkle.ts';
import {
  edgeOf,
  growTiles,
  hashesOf,
  nodesOf,
  partialTiles,
  readTilePath,
  type Tile,
  type TilePath,
  tilePath,
  widthOf,
} from '../../src/tlog/tiles.ts';

describe('paths of tiles (C2SP tlog-tiles)', () => {
  const paths: [string, TilePath][] = [
    ['tile/0/000', { kind: 'hashes', level: 0, index: 0, width: 256 }],
    ['tile/0/000.p/1', { kind: 'hashes', level: 0, index: 0, width: 1 }],
    ['tile/1/x001/234', { kind: 'hashes', level: 1, index: 1234, width: 256 }],
    ['tile/0/x001/x234/067', { kind: 'hashes', level: 0, index: 1234067, width: 256 }],
    ['tile/63/999.p/255', { kind: 'hashes', level: 63, index: 999, width: 255 }],
    ['tile/entries/x001/x234/067.p/8', { kind: 'entries', level: 0, index: 1234067, width: 8 }],
  ];
  for (const [path, named] of paths)
    it(`reads and writes ${path}`, () => {
      assert.deepEqual(readTilePath(path), named);
      assert.equal(tilePath(named), path);
    });

  for (const path of [
    ...['', 'tile', 'tile/0', 'tile/0/', 'tile/0/0', 'tile/0/0000', 'tile/00/000', 'tile/64/000', 'tile/-1/000', 'tile/0/x000/000'],
    ...[
      'tile/0/001/234',
      'tile/0/x001',
      'tile/0/000.p/0',
      'tile/0/000.p/256',
      'tile/0/000.p/01',
      'tile/0/000.p/',
      'tile/0/000/',
      '/tile/0/000',
    ],
    ...['tile/data/000', 'tile/0/x999/x999/x999/x999/x999/999', 'tile/0/000.p/1/2', 'tile/entries/..', 'tile/0/x001/x234/67'],
  ])
    it(`refuses "${path}"`, () => {
      assert.equal(readTilePath(path), undefined);
    });

  it('are read as they were written, whatever they name, and nothing throws', () => {
    const any = fc.record({
      index: fc.nat({ max: 999_999_999_999 }),
      level: fc.integer({ min: 0, max: 63 }),
      width: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(fc.property(any, at => assert.deepEqual(readTilePath(tilePath({ kind: 'hashes', ...at })), { kind: 'hashes', ...at })));
    fc.assert(
      fc.property(fc.string(), text =>
        readTilePath(`tile/${text}`) ? tilePath(readTilePath(`tile/${text}`) as TilePath) === `tile/${text}` : true,
      ),
    );
  });
});

describe('tiles of a tree (C2SP tlog-tiles)', () => {
  it('are as wide as the specification’s example says', () => {
    assert.deepEqual(partialTiles(70_000), [
      { level: 0, index: 273, width: 112 },
      { level: 1, index: 1, width: 17 },
      { level: 2, index: 0, width: 1 },
    ]);
    assert.deepEqual(partialTiles(256), [{ level: 1, index: 0, width: 1 }]);
    assert.deepEqual(partialTiles(0), []);
    assert.equal(widthOf({ level: 0, index: 273 }, 70_000), 112);
    assert.equal(widthOf({ level: 0, index: 272 }, 70_000), 256);
    assert.equal(widthOf({ level: 0, index: 274 }, 70_000), 0);
  });

  /** A tree that is kept as its tiles alone. */
  class Kept {
    size = 0;
    readonly tiles = new Map<string, Tile>();
    readonly read = async ({ level, index }: { level: number; index: number }) =>
      Buffer.concat(this.tiles.get(`${level}/${index}`)?.hashes ?? []);
    add(leaves: readonly Hash[]): Tile[] {
      const partial = partialTiles(this.size).map(t => this.tiles.get(`${t.level}/${t.index}`) as Tile);
      const { changed } = growTiles(this.size, partial, leaves);
      for (const tile of changed) this.tiles.set(`${tile.level}/${tile.index}`, tile);
      this.size += leaves.length;
      return changed;
    }
  }

  it('give the same root, edge and proofs as the tree, however it has grown', async () => {
    const kept = new Kept();
    const edge: Edge = { size: 0, hashes: [] };
    let n = 0;
    for (const batch of [1, 1, 2, 100, 151, 1, 1, 255, 256, 257, 1000, 5000, 58_512, 1, 300]) {
      const leaves = Array.from({ length: batch }, () => leafHash(Buffer.from(`${n++}`)));
      kept.add(leaves);
      for (const leaf of leaves) grow(edge, leaf);
      const read = nodesOf(kept.read);
      assert.deepEqual(await treeHash(read, kept.size), rootOf(edge), `size ${n}`);
      assert.deepEqual(await edgeOf(read, kept.size), edge);
      const index = Math.floor(n / 3);
      const proof = await inclusionProof(read, index, n);
      assert.ok(isIncluded(leafHash(Buffer.from(`${index}`)), index, n, proof, rootOf(edge)));
      for (const tile of kept.tiles.values()) assert.equal(tile.hashes.length, widthOf(tile, kept.size));
    }
    // One that is full is never touched again.
    assert.ok(kept.add([leafHash(Buffer.of())]).every(t => t.hashes.length < 256));
  });

  it('are the same where they grow page by page, also those that a page leaves alone', () => {
    const leaves = Array.from({ length: 3 * 65_536 + 1 }, (_, i) => leafHash(Buffer.from(`${i}`)));
    const name = ({ level, index }: Tile) => `${level}/${index}`;
    const pages = new Map<string, Tile>();
    let partial: Tile[] = [];
    for (let from = 0; from < leaves.length; from += 1024) {
      const grown = growTiles(from, partial, leaves.slice(from, from + 1024));
      for (const tile of [...grown.changed, ...grown.partial]) pages.set(name(tile), tile);
      partial = grown.partial;
    }
    const atOnce = growTiles(0, [], leaves);
    assert.deepEqual(partial.map(name), ['2/0', '0/768']);
    assert.deepEqual(partial, atOnce.partial);
    assert.equal(pages.size, atOnce.changed.length);
    for (const tile of atOnce.changed) assert.deepEqual(pages.get(name(tile)), tile);
  });

  it('are refused where they are narrower than the tree needs', async () => {
    const read = nodesOf(async () => Buffer.alloc(32 * 3));
    await assert.rejects(treeHash(read, 4), /too narrow/);
    assert.equal(hashesOf(Buffer.alloc(96)).length, 3);
  });
});
