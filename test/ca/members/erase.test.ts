import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { openPersonal, record, recordAlone } from '../../../src/ca/audit/record.ts';
import { enroll } from '../../../src/ca/members/enroll.ts';
import { eraseMember } from '../../../src/ca/members/erase.ts';
import { operator } from '../../../src/model/audit.ts';
import { findAccount } from '../../../src/store/accounts.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { insertThumbprint } from '../../../src/store/doors.ts';
import { openTestCtx } from '../../kit/ctx.ts';
import { opened } from '../../kit/opened.ts';
import { anAccount, storedMember } from '../../kit/records.ts';

/** SQLite has one writer: there nothing is under way beside an erasure. */
describe('the erasure of a member beside other transactions (postgres)', () => {
  const at = opened(() => openTestCtx({ engine: 'postgres' }), 'each');

  it('finds a record that is committed late, with a place before others', async () => {
    const { ctx } = at;
    const member = await storedMember(ctx);
    const from = (address: string) => ({ ...operator, address });
    const suspended = { action: 'member.suspended', subject: { member: member.id } } as const;
    const late = await ctx.db.transaction();
    await record({ ctx, trx: late, actor: from('192.0.2.1'), now: ctx.now() }, suspended);
    await recordAlone(ctx, from('192.0.2.2'), suspended);
    let committed: Promise<unknown> | undefined;
    const { raw } = ctx.db;
    const value = async (...statement: Parameters<typeof raw>) => {
      await committed;
      return raw.apply(ctx.db, statement);
    };
    Object.defineProperty(ctx.db, 'raw', { value });
    const erased = await eraseMember(ctx, member, {
      force: true,
      actor: operator,
      progress: () => {
        committed ??= Promise.resolve(late.commit());
      },
    });
    assert.equal(erased, 2);
    assert.deepEqual(
      (await listAudit(ctx.db)).filter(r => openPersonal(ctx, r)['address']),
      [],
    );
  });

  it('waits for an enrolment, and takes its contact with it', async () => {
    const { ctx } = at;
    const member = await storedMember(ctx);
    const { jwk, thumbprint } = anAccount();
    await insertThumbprint(ctx.db, { thumbprint, memberId: member.id, createdAt: ctx.now() });
    const blocker = await ctx.db.transaction();
    // In this database alone: other tests have theirs on the same server.
    const held = () => ctx.db('pg_stat_activity').whereRaw('datname = current_database()').where('wait_event_type', 'Lock');
    const waiting = async (count: number) => {
      while ((await held()).length < count) await setTimeout(10);
    };
    // What the enrolment reads last.
    await blocker.raw('lock table retired_keys in access exclusive mode');
    const contact = ['mailto:late@club.test'];
    const enrolling = enroll(ctx, { jwk, thumbprint, contact, entry: { door: 'none' }, actor: { who: 'key', door: 'acme' } });
    await waiting(1);
    const erasing = eraseMember(ctx, member, { force: true, actor: operator });
    await Promise.race([erasing, waiting(2)]);
    await blocker.commit();
    const [{ id }] = await Promise.all([enrolling, erasing]);
    assert.equal((await findAccount(ctx.db, id))?.contact, undefined);
  });
});
