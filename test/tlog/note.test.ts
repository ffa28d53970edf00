import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { openCheckpoint, signCheckpoint } from '../../src/tlog/checkpoint.ts';
import { emptyRoot } from '../../src/tlog/merkle.ts';
import { noteSigner, openNote, openNoteAside, readVerifierKey, signNote, verifierKey } from '../../src/tlog/note.ts';

const newSigner = (name: string) => noteSigner(name, generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' }));

describe('signed notes (C2SP signed-note)', () => {
  // The example of golang.org/x/mod/sumdb/note, which the specification was written after.
  const key = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
  const signature = '\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';

  it('verify the example of another implementation', () => {
    const neumann = readVerifierKey(key);
    assert.ok(neumann);
    assert.equal(verifierKey(neumann), key);
    assert.equal(openNote(`${text}\n${signature}`, neumann), text);
    assert.equal(openNote(`${text.replace('answer', 'problem')}\n${signature}`, neumann), undefined);
  });

  it('are opened with the key that signed them, whoever else has signed', async () => {
    const [ours, other] = [newSigner('ca.example/log'), newSigner('witness.example')];
    const note = signNote('text\n\nof two parts\n', ours);
    assert.equal(openNote(note, ours), 'text\n\nof two parts\n');
    assert.equal(openNote(note, other), undefined);
    const cosigned = `${note}${signNote('text\n\nof two parts\n', other).split('\n').slice(-2, -1)}\n`;
    assert.equal(openNote(cosigned, ours), 'text\n\nof two parts\n');
    assert.equal(openNote(cosigned, other), 'text\n\nof two parts\n');
    assert.equal(openNote(note, { ...ours, name: 'another.example' }), undefined);
    assert.equal(await openNoteAside(cosigned, ours), 'text\n\nof two parts\n');
    assert.equal(await openNoteAside(cosigned, { ...ours, publicKey: other.publicKey }), undefined);
  });

  it('are refused where they are malformed', async () => {
    const ours = newSigner('ca.example/log');
    const note = signNote('text\n', ours);
    const refused: [string, string][] = [
      ['empty', ''],
      ['without signatures', 'text\n\n'],
      ['without a blank line', note.replace('\n\n', '\n')],
      ['without its last line feed', note.slice(0, -1)],
      ['with a control character', note.replace('text', 'te\u0007xt')],
      ['with a carriage return', note.replace('text', 'text\r')],
      ['with a line that is no signature', `${note}- ca.example AAAA\n`],
      ['with an altered signature', note.replace(/.{6}=*\n$/, 'AAAA==\n')],
      ['with a second signature of ours that does not verify', `${note}${note.split('\n').at(-2)?.replace(/.{8}$/, 'AAAAAA==')}\n`],
      ['with too many signatures', note + `${note.split('\n').at(-2)}\n`.repeat(200)],
    ];
    for (const [what, bad] of refused) {
      assert.equal(openNote(bad, ours), undefined, what);
      assert.equal(await openNoteAside(bad, ours), undefined, what);
    }
    fc.assert(fc.property(fc.string({ unit: 'binary' }), bad => openNote(bad, ours) === undefined));
    assert.throws(() => signNote('no line feed', ours), /line feed/);
    assert.throws(() => newSigner('with space'), /cannot name/);
  });

  it('are not opened with what is no verifier key', () => {
    for (const bad of [
      '',
      'PeterNeumann',
      key.replace('c74f20a3', 'c74f20a4'),
      key.replace('+ARpc', '+ARp'),
      key.replace('+A', '+B'),
      `a ${key}`,
    ])
      assert.equal(readVerifierKey(bad), undefined, bad);
    fc.assert(fc.property(fc.string(), bad => readVerifierKey(bad) === undefined));
  });
});

describe('checkpoints (C2SP tlog-checkpoint)', () => {
  const signer = newSigner('ca.example/log');
  const checkpoint = { origin: 'ca.example/log', size: 20_852_163, root: new Uint8Array(emptyRoot) };

  it('are read as they were signed', () => {
    const note = signCheckpoint(checkpoint, signer);
    assert.match(
      note,
      /^ca\.example\/log\n20852163\n47DEQpj8HBSa\+\/TImW\+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n\u2014 ca\.example\/log [A-Za-z0-9+/]+=*\n$/,
    );
    assert.deepEqual(openCheckpoint(note, signer), checkpoint);
  });

  it('may have lines of extension', () => {
    const note = signNote(`ca.example/log\n0\n${Buffer.from(emptyRoot).toString('base64')}\nextension\n`, signer);
    assert.equal(openCheckpoint(note, signer)?.size, 0);
  });

  it('are refused where they are of another log, or malformed', () => {
    const root = Buffer.from(emptyRoot).toString('base64');
    for (const text of [
      `other.example/log\n1\n${root}\n`,
      `ca.example/log\n01\n${root}\n`,
      `ca.example/log\n-1\n${root}\n`,
      `ca.example/log\n1e3\n${root}\n`,
      `ca.example/log\n99999999999999999\n${root}\n`,
      `ca.example/log\n1\n${root.slice(4)}\n`,
      `ca.example/log\n1\n${root.replace('U=', 'V=')}\n`,
      `ca.example/log\n1\n`,
      `ca.example/log\n1\n${root}\n\nempty\n`,
      'nothing\n',
    ])
      assert.equal(openCheckpoint(signNote(text, signer), signer), undefined, text);
    assert.equal(openCheckpoint(signCheckpoint(checkpoint, signer), newSigner('ca.example/log')), undefined, 'another key');
  });
});
