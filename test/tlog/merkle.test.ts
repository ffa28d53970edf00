import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  consistencyProof,
  type Edge,
  emptyRoot,
  grow,
  type Hash,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  type NodeReader,
  rootOf,
  treeHash,
} from '../../src/tlog/merkle.ts';

/** RFC 6962 §2.1, word for word: what the code is compared with. */
function mth(entries: readonly Uint8Array[]): Buffer {
  const sha = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (entries.length === 0) return sha();
  if (entries.length === 1) return sha(Buffer.of(0), entries[0] as Uint8Array);
  let k = 1;
  while (k * 2 < entries.length) k *= 2;
  return sha(Buffer.of(1), mth(entries.slice(0, k)), mth(entries.slice(k)));
}

const entry = (i: number) => Buffer.from(`entry ${i}`);
const entries = (n: number) => Array.from({ length: n }, (_, i) => entry(i));
const all = entries(300);
const leaves = all.map(leafHash);
const read: NodeReader = async (level, index) => mth(all.slice(index * 2 ** level, (index + 1) * 2 ** level));
const flipped = (hash: Hash) => Buffer.from(hash).map((b, i) => (i === 7 ? b ^ 1 : b));

describe('Merkle trees (RFC 6962 §2.1)', () => {
  it('agree with the test vectors of Certificate Transparency', () => {
    const inputs = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
    const roots: [number, string][] = [
      [1, '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d'],
      [2, 'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'],
      [3, 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77'],
      [4, 'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'],
      [5, '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4'],
      [6, '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef'],
      [7, 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c'],
      [8, '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'],
    ];
    const edge: Edge = { size: 0, hashes: [] };
    for (const [size, root] of roots) {
      grow(edge, leafHash(Buffer.from(inputs[size - 1] ?? '', 'hex')));
      assert.equal(Buffer.from(rootOf(edge)).toString('hex'), root, `size ${size}`);
    }
  });

  it('grow a leaf at a time to the root that the definition gives', async () => {
    const edge: Edge = { size: 0, hashes: [] };
    assert.deepEqual(rootOf(edge), emptyRoot);
    for (let size = 1; size <= 300; size++) {
      grow(edge, leaves[size - 1] as Hash);
      const root = mth(all.slice(0, size));
      assert.deepEqual(rootOf(edge), root, `size ${size}`);
      if (size % 37 === 0) assert.deepEqual(await treeHash(read, size), root);
    }
  });

  it('prove that each leaf is in, and nothing else', async () => {
    for (const size of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33]) {
      const root = mth(all.slice(0, size));
      for (let index = 0; index < size; index++) {
        const proof = await inclusionProof(read, index, size);
        const leaf = leaves[index] as Hash;
        assert.ok(isIncluded(leaf, index, size, proof, root), `${index} in ${size}`);
        assert.ok(!isIncluded(leaves[index + 1] as Hash, index, size, proof, root));
        assert.ok(!isIncluded(leaf, index + 1, size, proof, root) && !isIncluded(leaf, index - 1, size, proof, root));
        assert.ok(!isIncluded(leaf, index, size, [...proof, root], root), 'a step too many');
        assert.ok(proof.length === 0 || !isIncluded(leaf, index, size, proof.slice(1), root), 'a step too few');
        for (let i = 0; i < proof.length; i++)
          assert.ok(!isIncluded(leaf, index, size, proof.with(i, flipped(proof[i] as Hash)), root), 'another sibling');
      }
    }
    await assert.rejects(inclusionProof(read, 5, 5), RangeError);
    await assert.rejects(inclusionProof(read, -1, 5), RangeError);
  });

  it('prove that one tree begins with another, for every two sizes', async () => {
    for (let second = 0; second <= 40; second++)
      for (let first = 0; first <= second; first++) {
        const [one, two] = [
          { size: first, root: mth(all.slice(0, first)) },
          { size: second, root: mth(all.slice(0, second)) },
        ];
        const proof = await consistencyProof(read, first, second);
        const which = `${first} and ${second}`;
        assert.ok(isConsistent(one, two, proof), which);
        if (first === 0 || first === second) continue;
        assert.ok(!isConsistent({ ...one, root: flipped(one.root) }, two, proof), which);
        assert.ok(!isConsistent(one, { ...two, root: flipped(two.root) }, proof), which);
        assert.ok(!isConsistent(two, one, proof), which);
        assert.ok(!isConsistent(one, two, proof.slice(1)) && !isConsistent(one, two, [...proof, one.root]), which);
        for (let i = 0; i < proof.length; i++)
          assert.ok(!isConsistent(one, two, proof.with(i, flipped(proof[i] as Hash))), `${which}, hash ${i}`);
      }
    await assert.rejects(consistencyProof(read, 6, 5), RangeError);
  });
});
