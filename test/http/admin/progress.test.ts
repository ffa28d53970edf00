import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import express from 'express';
import { createLog } from '../../../src/app.ts';
import { openApi } from '../../../src/http/admin/openapi.ts';
import { answerWithProgress } from '../../../src/http/admin/progress.ts';
import type { Reply } from '../../../src/http/reply.ts';
import { Problem } from '../../../src/model/problem.ts';
import { operations } from '../../../src/operations/table.ts';
import { type AdminClient, adminClient } from '../../kit/admin-client.ts';
import { startCa, type TestCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { refused } from '../../kit/refused.ts';

const lines = (body: Buffer | string) =>
  `${body}`
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line));

describe('an answer with progress', () => {
  let close: (() => void) | undefined;
  afterEach(() => close?.());

  /** A server that does this work for whoever asks. */
  async function ask(work: (progress: (line: string) => void) => Promise<Reply>) {
    let over = () => {};
    const ended = new Promise<void>(resolve => {
      over = resolve;
    });
    const app = express();
    app.get('/', (_, res) => {
      answerWithProgress(res, createLog('silent'), work)
        .catch(error => res.status(error.status).end('before the first line'))
        .finally(over);
    });
    const server = app.listen(0, '127.0.0.1');
    close = () => server.close();
    await once(server, 'listening');
    const asked: ClientRequest = get({ port: (server.address() as AddressInfo).port, agent: false });
    const answered = once(asked, 'response').then(([res]) => res as IncomingMessage);
    return { asked, answered, ended };
  }

  it('has each line as it comes, and the result last', async () => {
    let go = () => {};
    const held = new Promise<void>(resolve => {
      go = resolve;
    });
    const { answered } = await ask(async progress => {
      progress('one');
      await held;
      progress('two');
      return { status: 200, body: { done: 2 } };
    });
    const res = await answered;
    assert.deepEqual([res.statusCode, res.headers['content-type']], [200, 'application/x-ndjson']);
    const [first] = await once(res, 'data');
    assert.deepEqual(lines(first), [{ progress: 'one' }]);
    go();
    assert.deepEqual(lines(await text(res)), [{ progress: 'two' }, { result: { done: 2 } }]);
  });

  it('is a result alone where nothing was said', async () => {
    const { answered } = await ask(async () => ({ status: 200, body: {} }));
    assert.deepEqual(lines(await text(await answered)), [{ result: {} }]);
  });

  it('ends with the problem, and says nothing of an inner cause', async () => {
    const failing = async (error: Error) => {
      const { answered } = await ask(async progress => {
        progress('one');
        throw error;
      });
      const [first, { problem }, ...more] = lines(await text(await answered));
      close?.();
      assert.deepEqual([first, more], [{ progress: 'one' }, []]);
      return problem;
    };
    const { type, detail, status } = await failing(new Problem('malformed', 'It is gone.', { status: 404 }));
    assert.deepEqual([type, detail, status], ['urn:ietf:params:acme:error:malformed', 'It is gone.', 404]);
    const inner = await failing(new Error('select secret from table'));
    assert.equal(inner.status, 500);
    assert.doesNotMatch(JSON.stringify(inner), /secret/);
  });

  it('has another status where it fails before the first line', async () => {
    const { answered } = await ask(async () => {
      throw new Problem('malformed', 'It is gone.', { status: 404 });
    });
    const res = await answered;
    assert.deepEqual([res.statusCode, await text(res)], [404, 'before the first line']);
  });

  it('goes on where nobody listens any more', async () => {
    let gone = () => {};
    const left = new Promise<void>(resolve => {
      gone = resolve;
    });
    let done = false;
    const { asked, answered, ended } = await ask(async progress => {
      progress('one');
      await left;
      for (let i = 0; i < 3; i++) progress('more');
      done = true;
      return { status: 200, body: {} };
    });
    const res = await answered;
    res.on('error', () => {});
    asked.destroy();
    await new Promise(resolve => res.once('close', resolve));
    setTimeout(gone, 50);
    await ended;
    assert.ok(done);
  });
});

describe('progress in the admin API', () => {
  let ca: TestCa;
  let client: AdminClient;
  before(async () => {
    ca = await startCa({ config: { log: 'silent' } });
    client = adminClient(ca, (await ca.run('token create', { scope: 'admin' })).token);
  });
  after(async () => {
    client.close();
    await ca.close();
  });
  const post = (path: string, body: object, headers: Record<string, string>) => client.send('POST', `/admin/v1${path}`, body, headers);
  const streamed = { Accept: 'application/x-ndjson' };
  const member = async (name: string) => {
    const { id, client: acme } = await ca.member();
    await issue(acme, ca.net, [name]);
    return id;
  };

  it('comes where it is asked for, and repeated under the same key the result alone', async () => {
    const id = await member('a.test');
    const moved = await post('/renewals/move', { member: id }, streamed);
    assert.deepEqual(lines(moved.body)[0], { progress: '1 certificate done' });
    assert.equal(lines(moved.body)[1].result.moved, 1);
    assert.equal(lines((await post('/renewals/reset', { member: id }, streamed)).body).length, 2);
    const once = { ...streamed, 'Idempotency-Key': 'once' };
    const first = await post(`/members/${id}/suspend`, { revoke: true }, once);
    assert.deepEqual(
      [first.status, first.headers['content-type'], first.headers['cache-control']],
      [200, 'application/x-ndjson', 'no-store'],
    );
    const [line, { result }] = lines(first.body);
    assert.deepEqual(line, { progress: '1 certificate revoked' });
    assert.deepEqual([result.status, result.revoked], ['suspended', 1]);
    assert.deepEqual(lines((await post(`/members/${id}/suspend`, { revoke: true }, once)).body), [{ result }]);
  });

  it('does not come else: what is asked otherwise, or refused at once, is answered as ever', async () => {
    const id = await member('b.test');
    for (const accept of ['*/*', 'application/json', 'application/json, application/x-ndjson', 'text/html']) {
      const answer = await post('/certificates/revoke', { member: id, dryRun: true }, { Accept: accept });
      assert.equal(answer.headers['content-type'], 'application/json', accept);
      assert.equal(answer.json.matched, 1);
    }
    refused(await post('/certificates/revoke', {}, streamed), 'malformed', 400, /Say which certificates/);
    refused(await post('/members/aaaa/suspend', {}, streamed), 'malformed', 404);
    refused(await post('/members/aaaa/suspend', {}, { ...streamed, 'If-Match': '"x"' }), 'malformed', 404);
    assert.equal((await post('/members', { name: 'Club', email: ['a@club.test'] }, streamed)).headers['content-type'], 'application/json');
  });

  it('is described', () => {
    const told = Object.values(openApi().paths).flatMap(methods =>
      Object.values(methods).flatMap(({ operationId, responses }) =>
        JSON.stringify(responses).includes('"progress"') ? [operationId] : [],
      ),
    );
    assert.deepEqual(told.sort(), [
      'auditVerify',
      'certRevoke-all',
      'memberErase',
      'memberRemove',
      'memberSuspend',
      'renewalMove',
      'renewalReset',
    ]);
    assert.equal(operations.filter(o => o.tellsProgress).length, told.length);
  });
});
