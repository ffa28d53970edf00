import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { verifyFromOutside } from '../../src/operations/verify-from-outside.ts';
import { noteSigner, verifierKey } from '../../src/tlog/note.ts';

describe('a log that is not to be trusted, checked from outside', () => {
  const key = verifierKey(noteSigner('ca.test/log', generateKeyPairSync('ed25519').privateKey.export({ format: 'der', type: 'pkcs8' })));
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  async function check(answer: RequestListener): Promise<void> {
    server = createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await verifyFromOutside.run({ url: `http://127.0.0.1:${port}/log`, key }, { path: file => file, progress() {} });
  }

  const bomb = gzipSync(Buffer.alloc(50_000_000));
  const answers: [what: string, answer: RequestListener, said: RegExp][] = [
    [
      'answers what unpacks to more',
      (_, res) => res.setHeader('Content-Encoding', 'gzip').end(bomb),
      /is longer than it may be: 65536 bytes/,
    ],
    [
      'answers without end',
      (_, res) => {
        const send = () => {
          while (res.write(Buffer.alloc(16_384)));
        };
        res.on('drain', send).on('error', () => {});
        send();
      },
      /is longer than it may be/,
    ],
    ['sends somewhere else', (_, res) => res.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end(), /cannot be read/],
    ['answers with an error', (_, res) => res.writeHead(500).end(), /was answered with 500/],
    ['hangs up', (_, res) => res.destroy(), /cannot be read/],
    ['answers what is no checkpoint', (_, res) => res.end('hello\n'), /its checkpoint is not signed by ca\.test\/log with this key/],
  ];
  for (const [what, answer, said] of answers) it(`is refused where it ${what}`, () => assert.rejects(check(answer), said));
});
