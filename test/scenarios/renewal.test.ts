import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { engines, startCa } from '../kit/ca.ts';
import { opened } from '../kit/opened.ts';
import { askRenewalInfo, renewingServer, windowIn } from '../kit/renewal.ts';

const day = 86400;
const size = 6;

/** The same sequence in every run. */
function sequence(seed = 1): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

for (const engine of engines) {
  describe(`a fleet that renews by renewal information (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));
    let member: string;
    let fleet: ReturnType<typeof renewingServer>[];
    before(async () => {
      const { id, client } = await ca.member();
      member = id;
      await ca.prove(member, 'fleet.test');
      const random = sequence();
      fleet = Array.from({ length: size }, (_, i) => renewingServer(client, ca.net, [`im${i}.fleet.test`], random));
      for (const server of fleet) await server.wake(ca.clock.now);
    });

    /** Every server wakes four times a day; a proof lasts. @returns how many certificates came on each day */
    async function days(number: number): Promise<number[]> {
      const counts: number[] = [];
      const total = () => fleet.reduce((sum, s) => sum + s.certificates.length, 0);
      for (let i = 0; i < number; i++) {
        const before = total();
        for (let quarter = 0; quarter < 4; quarter++) {
          ca.later(day / 4);
          for (const server of fleet) await server.wake(ca.clock.now);
        }
        counts.push(total() - before);
      }
      return counts;
    }
    const status = () => ca.run('renewal status', { member });

    it('keeps what it has for 57 days', async () => {
      ca.later(50 * day);
      assert.deepEqual(await days(7), Array(7).fill(0));
    });

    it('renews once each within the next two weeks, not all on one day', async () => {
      const counts = await days(14);
      assert.equal(
        counts.reduce((a, b) => a + b),
        size,
      );
      assert.ok(Math.max(...counts) < size, counts.join(', '));
      for (const { certificates } of fleet) assert.equal(certificates.length, 2);
    });

    it('renews within a day of the operator’s moving the windows, and progress shows it', async () => {
      await ca.run('renewal move', { member, explanation: 'https://ca.test/incident' });
      const before = await status();
      const moved = fleet.length * 2;
      assert.deepEqual(before, { matched: moved, moved, replaced: size, remaining: size });
      const newest = fleet[0]?.certificates.at(-1)?.chain ?? '';
      const client = await ca.client().open();
      const answer = await askRenewalInfo(client, newest);
      assert.equal(answer.json.explanationURL, 'https://ca.test/incident');
      assert.deepEqual(windowIn(answer), { start: ca.clock.now, end: ca.clock.now + day });

      await days(1);
      for (const { certificates } of fleet) assert.equal(certificates.length, 3);
      assert.deepEqual(await status(), { matched: moved + size, moved, replaced: moved, remaining: 0 });
      assert.deepEqual(await days(3), [0, 0, 0], 'the new ones are left alone');
    });

    it('renews what was revoked at once', async () => {
      const [first] = fleet;
      const { serialNumber } = new X509Certificate(first?.certificates.at(-1)?.chain ?? '');
      await ca.run('cert revoke', { serial: serialNumber, reason: 'superseded' });
      ca.later(60);
      for (const server of fleet) await server.wake(ca.clock.now);
      assert.deepEqual(
        fleet.map(s => s.certificates.length),
        [4, 3, 3, 3, 3, 3],
      );
    });
  });
}
