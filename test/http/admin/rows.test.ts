import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { writeRows } from '../../../src/http/admin/rows.ts';

/** A list without end, behind a listener. */
async function endless() {
  const seen = { pages: 0, ended: false };
  async function* pages(): AsyncGenerator<unknown[]> {
    try {
      for (;;) {
        seen.pages++;
        yield Array.from({ length: 100 }, (_, i) => ({ id: i, text: 'x'.repeat(1000) }));
        await new Promise(resolve => setImmediate(resolve));
      }
    } finally {
      seen.ended = true;
    }
  }
  const app = express();
  let done: Promise<void> = Promise.resolve();
  app.get('/', (_, res) => {
    done = writeRows(res, 'application/x-ndjson', ['id', 'text'], pages());
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false });
  asked.on('error', () => {});
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  return { seen, asked, answer, done: () => done, close: () => new Promise(resolve => server.close(resolve)) };
}

describe('a streamed list', () => {
  it('is read no faster than it is taken, and no further when its reader goes away', async () => {
    const { seen, asked, answer, done, close } = await endless();
    answer.on('error', () => {});
    // Nobody reads: the buffers fill, and then it stands still.
    let before = -1;
    while (before !== seen.pages) {
      before = seen.pages;
      await new Promise(resolve => setTimeout(resolve, 300));
    }
    assert.ok(seen.pages > 0 && !seen.ended);
    asked.destroy();
    await done();
    assert.ok(seen.ended);
    await close();
  });
});
