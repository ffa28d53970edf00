import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { signCheckpoint } from '../../src/tlog/checkpoint.ts';
import { inclusionProof, leafHash, treeHash } from '../../src/tlog/merkle.ts';
import { noteSigner } from '../../src/tlog/note.ts';
import { openProof, writeProof } from '../../src/tlog/proof.ts';
import { growTiles, nodesOf } from '../../src/tlog/tiles.ts';

describe('proofs of inclusion (C2SP tlog-proof)', () => {
  const signer = noteSigner('ca.example/log', generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }));
  const entries = Array.from({ length: 300 }, (_, i) => Buffer.from(`entry ${i}`));
  const { changed: tiles } = growTiles(0, [], entries.map(leafHash));
  const nodes = nodesOf(async ({ level, index }) => Buffer.concat(tiles.find(t => t.level === level && t.index === index)?.hashes ?? []));

  async function proof(index: number, size = 300): Promise<string> {
    const checkpoint = signCheckpoint({ origin: 'ca.example/log', size, root: await treeHash(nodes, size) }, signer);
    return writeProof({ entry: entries[index] ?? Buffer.of(), index, hashes: await inclusionProof(nodes, index, size), checkpoint });
  }

  it('have the form that is specified, and give the entry and its tree back', async () => {
    const text = await proof(17);
    assert.match(text, /^c2sp\.org\/tlog-proof@v1\nextra ZW50cnkgMTc=\nindex 17\n([A-Za-z0-9+/]{43}=\n){9}\nca\.example\/log\n300\n/);
    const opened = openProof(text, signer);
    assert.deepEqual([opened && Buffer.from(opened.entry).toString(), opened?.index, opened?.tree.size], ['entry 17', 17, 300]);
    assert.equal(openProof(await proof(0, 1), signer)?.index, 0, 'a tree of one has no hashes');
  });

  it('prove nothing where anything was changed', async () => {
    const text = await proof(17);
    for (const [what, bad] of [
      ['the entry', text.replace('ZW50cnkgMTc=', 'ZW50cnkgMTg=')],
      ['the index', text.replace('index 17', 'index 18')],
      ['a hash', text.replace(/(index 17\n)./, '$1/')],
      ['a hash more', text.replace(/(index 17\n)/, `$1${'A'.repeat(43)}=\n`)],
      ['the size', text.replace('\n300\n', '\n299\n')],
      ['the header', text.replace('@v1', '@v2')],
      ['the end', text.slice(0, -8)],
      ['everything', ''],
    ] as const)
      assert.equal(openProof(bad, signer), undefined, what);
    fc.assert(
      fc.property(fc.nat({ max: text.length - 2 }), fc.nat({ max: 94 }), (at, c) => {
        const other = String.fromCharCode(32 + c);
        const bad = text.slice(0, at) + other + text.slice(at + 1);
        return (
          bad === text || openProof(bad, signer) === undefined || Buffer.from(openProof(bad, signer)?.entry ?? []).toString() === 'entry 17'
        );
      }),
    );
  });
});
