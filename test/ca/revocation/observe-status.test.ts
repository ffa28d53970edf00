import assert from 'node:assert/strict';
import { reloadAuthority } from '../../../src/ca/authority/hierarchy.ts';
import { publishCrls, publishDueCrls } from '../../../src/ca/authority/publish-crl.ts';
import { ocspResponder } from '../../../src/ca/revocation/answer-ocsp.ts';
import { type AskStatus, observeStatus } from '../../../src/ca/revocation/observe-status.ts';
import { statusServer } from '../../../src/http/status.ts';
import { askOf, listen } from '../../../src/listener.ts';
import { operator } from '../../../src/model/audit.ts';
import { observations } from '../../../src/store/observations.ts';
import { engines } from '../../kit/ca.ts';
import { openTestCtx, type TestCtx } from '../../kit/ctx.ts';

for (const engine of engines)
  describe(`what the CA sees of its own CRLs and OCSP (${engine})`, () => {
    let at: TestCtx;
    let ask: AskStatus;
    let stop: () => Promise<void>;
    const open = async (config: Record<string, object> = {}) => {
      at = await openTestCtx({ engine, config });
      const server = statusServer(at.ctx, ocspResponder(at.ctx));
      stop = await listen(server, '127.0.0.1:0', 'status.listen');
      ask = askOf(server);
      await publishDueCrls(at.ctx);
    };
    const close = async () => {
      await stop();
      await at.close();
    };
    beforeEach(() => open());
    afterEach(() => close());

    const seen = async () => (await observations(at.ctx.db, 0, at.clock.now + 1)).map(o => [o.service, o.asked, o.answered, o.lastFailure]);

    it('is counted by the hour, once a minute, whatever the number of processes', async () => {
      const another = await at.another();
      for (let i = 0; i < 3; i++) {
        await Promise.all([observeStatus(at.ctx, ask), observeStatus(another.ctx, ask)]);
        await observeStatus(at.ctx, ask);
        at.clock.now += 60;
      }
      assert.deepEqual(await seen(), [
        ['crl', 3, 3, undefined],
        ['ocsp', 3, 3, undefined],
      ]);
      at.clock.now += 3600;
      await observeStatus(at.ctx, ask);
      assert.equal((await seen()).length, 4);
    });

    it('is of the minute in which the look began, however long it took', async () => {
      at.clock.now += 45 - (at.clock.now % 60);
      const hanging: AskStatus = async () => {
        at.clock.now += 10;
        throw new Error('it does not answer');
      };
      for (const look of [hanging, ask]) {
        const begun = at.clock.now;
        await observeStatus(at.ctx, look);
        at.clock.now = begun + 60;
      }
      assert.deepEqual(await seen(), [
        ['crl', 2, 1, 'it does not answer'],
        ['ocsp', 2, 1, 'it does not answer'],
      ]);
    });

    it('is not counted where the server began to end meanwhile', async () => {
      const ending = new AbortController();
      const closed: AskStatus = async () => {
        ending.abort();
        throw new Error('it is closed');
      };
      await observeStatus(at.ctx, closed, ending.signal);
      assert.deepEqual(await seen(), []);
    });

    it('is of every issuing CA', async () => {
      const paths: string[] = [];
      const { id } = await at.run('issuer create');
      await reloadAuthority(at.ctx);
      await publishDueCrls(at.ctx);
      await observeStatus(at.ctx, (method, path, body) => {
        paths.push(`${method} ${path}`);
        return ask(method, path, body);
      });
      const crls = [at.ctx.authority.active.id, id].map(issuer => `GET /crl/${issuer}.crl`);
      assert.deepEqual(paths.toSorted(), [...crls, 'POST /ocsp', 'POST /ocsp'].toSorted());
      assert.deepEqual(await seen(), [
        ['crl', 1, 1, undefined],
        ['ocsp', 1, 1, undefined],
      ]);
    });

    it('is of each CRL in its turn, where certificates name one of several', async () => {
      await close();
      await open({ status: { crlShards: 3 } });
      const { id } = at.ctx.authority.active;
      const paths: string[] = [];
      const withoutOne: AskStatus = async (method, path, body) => {
        if (method === 'GET') paths.push(path);
        return path === `/crl/${id}/2.crl` ? { status: 500, body: new Uint8Array() } : ask(method, path, body);
      };
      for (let i = 0; i < 8; i++) {
        await observeStatus(at.ctx, withoutOne);
        at.clock.now += 60;
      }
      const turn = [`/crl/${id}.crl`, ...[1, 2, 3].map(shard => `/crl/${id}/${shard}.crl`)];
      assert.deepEqual([paths.slice(0, 4).toSorted(), paths.slice(4)], [turn.toSorted(), paths.slice(0, 4)]);
      assert.deepEqual(await seen(), [
        ['crl', 8, 6, 'it answers 500'],
        ['ocsp', 8, 8, undefined],
      ]);
    });

    const changed = (change: (answer: { status: number; body: Uint8Array }) => { status: number; body: Uint8Array }): AskStatus => {
      return async (method, path, body) => change(await ask(method, path, body));
    };
    for (const [what, broken, crl, ocsp] of [
      ['an error', changed(a => ({ ...a, status: 500 })), /answers 500/, /answers 500/],
      ['nothing', changed(a => ({ ...a, body: new Uint8Array() })), /./, /./],
      ['other bytes', changed(a => ({ ...a, body: flipped(a.body) })), /./, /./],
      ['a refusal', changed(a => ({ ...a, body: Buffer.from('30030a0106', 'hex') })), /./, /refuses to answer \(6\)/],
    ] as const)
      it(`is a failure where the answer is ${what}`, async () => {
        await observeStatus(at.ctx, broken);
        const [one, other] = await seen();
        assert.deepEqual(
          [one?.slice(0, 3), other?.slice(0, 3)],
          [
            ['crl', 1, 0],
            ['ocsp', 1, 0],
          ],
        );
        assert.match(String(one?.[3]), crl);
        assert.match(String(other?.[3]), ocsp);
      });

    it('is a failure where a listener is gone, or a CRL has ended', async () => {
      at.clock.now += 8 * 86400;
      await observeStatus(at.ctx, ask);
      assert.deepEqual(await seen(), [
        ['crl', 1, 0, 'the CRL has ended'],
        ['ocsp', 1, 1, undefined],
      ]);
      await publishCrls(at.ctx, operator);
      at.clock.now += 60;
      await stop();
      await observeStatus(at.ctx, ask);
      const last = (await seen()).map(([service, asked, answered]) => [service, asked, answered]);
      assert.deepEqual(last, [
        ['crl', 2, 0],
        ['ocsp', 2, 1],
      ]);
    });
  });

/** In the middle of what is signed. */
function flipped(body: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(body);
  const middle = bytes.length >> 2;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  return bytes;
}
