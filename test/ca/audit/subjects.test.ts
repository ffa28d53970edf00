import assert from 'node:assert/strict';
import { accountSubject, certificateSubject } from '../../../src/ca/audit/subjects.ts';
import { type AuditAction, auditActions } from '../../../src/model/audit.ts';
import { listAudit } from '../../../src/store/audit.ts';
import { type AcmeClient, jws, newKey, publicJwk } from '../../kit/acme-client.ts';
import { engines, startCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';

describe('the subject of a record', () => {
  it('is an account with its member, where it has one', () => {
    assert.deepEqual(accountSubject({ id: 'a', memberId: 'm' }), { account: 'a', member: 'm' });
    assert.deepEqual(accountSubject({ id: 'a' }), { account: 'a' });
  });

  it('is a certificate with its order, account and member, where it has them', () => {
    const whole = { serial: 's', orderId: 'o', accountId: 'a', memberId: 'm' };
    assert.deepEqual(certificateSubject(whole), { serial: 's', order: 'o', account: 'a', member: 'm' });
    assert.deepEqual(certificateSubject({ serial: 's' }), { serial: 's' });
  });
});

/** Records that an account has its part in, by what it does or by what becomes of it. */
const ofAccounts = auditActions.filter(action => /^(account|authorization|challenge|order|certificate|request)\./.test(action));

for (const engine of engines)
  describe(`every act of an account is found by its member (${engine})`, () => {
    const terms = 'https://ca.test/terms';
    const ca = opened(() => startCa({ engine, config: { policy: { termsOfService: terms }, log: 'silent' } }));

    const challengeOf = async (client: AcmeClient, order: string, type: string) => {
      const { json } = await client.read(order);
      const { json: authorization } = await client.read(json.authorizations[0]);
      const challenge = authorization.challenges.find((c: { type: string }) => c.type === type);
      return { authorization: json.authorizations[0] as string, challenge };
    };

    /** Each act, by the record of it. */
    const acts: Partial<Record<AuditAction, (client: AcmeClient) => Promise<unknown>>> = {
      'account.updated': client => client.post(client.kid ?? '', { contact: ['mailto:a@club.test'] }),
      'account.terms-agreed': async client => {
        // As an account has it that agreed before the terms were changed.
        await ca.ctx.db('accounts').update({ terms_agreed: 'https://ca.test/older' });
        const { json } = await client.newOrder(['terms.test']);
        await client.send('POST', json.instance, {}, '');
      },
      'authorization.created': client => client.post(client.directory.newAuthz, { identifier: { type: 'dns', value: 'pre.test' } }),
      'authorization.deactivated': async client => {
        const answer = await client.newOrder(['given-up.test']);
        await client.post(answer.json.authorizations[0], { status: 'deactivated' });
      },
      'challenge.invalid': async client => {
        const answer = await client.newOrder(['wrong.test']);
        const { authorization, challenge } = await challengeOf(client, String(answer.headers['location']), 'http-01');
        await client.post(challenge.url, {});
        await client.poll(authorization, a => a.status !== 'pending');
      },
      'challenge.code-sent': async client => {
        ca.net.dns.mx.set('mailed.test', [{ exchange: 'mail.test', preference: 10 }]);
        const answer = await client.newOrder(['mailed.test']);
        const { challenge } = await challengeOf(client, String(answer.headers['location']), 'email-mailbox-01');
        await client.post(challenge.url, {});
      },
      'certificate.issued': async client => issue(client, ca.net, ['im.test']),
      'certificate.revoked': async client => {
        const { chain } = await issue(client, ca.net, ['lost.test']);
        const der = Buffer.from(chain.split('-----')[2] ?? '', 'base64');
        await client.post(client.directory.revokeCert, { certificate: der.toString('base64url') });
      },
      'request.refused': client => client.newOrder(['no domain']),
      'account.key-changed': async client => {
        const key = newKey();
        const url = client.directory.keyChange;
        await client.post(url, jws(key, { url, jwk: publicJwk(key) }, { account: client.kid, oldKey: publicJwk(client.key) }));
        client.key = key;
      },
      'account.deactivated': client => client.post(client.kid ?? '', { status: 'deactivated' }),
    };
    /** What comes with others: they need no act of their own. */
    const alongside: AuditAction[] = ['account.created', 'challenge.answered', 'challenge.valid', 'order.created', 'certificate.committed'];
    /** What no account does: a crash leaves it behind. */
    const never: AuditAction[] = ['order.invalid', 'certificate.abandoned'];

    it('each is in the list', () => {
      assert.deepEqual([...Object.keys(acts), ...alongside, ...never].sort(), [...ofAccounts].sort());
    });

    it('each has a record that names account and member', async () => {
      const { id, client } = await ca.member();
      const account = (client.kid ?? '').split('/').at(-1);
      for (const [action, act] of Object.entries(acts)) {
        await act(client);
        const found = await listAudit(ca.ctx.db, { action: action as AuditAction, subject: { member: id } });
        assert.ok(found.length > 0, action);
        for (const { subject } of found) assert.equal(subject['account'], account, action);
      }
      for (const action of alongside)
        assert.ok((await listAudit(ca.ctx.db, { action, subject: { member: id, account: account ?? '' } })).length > 0, action);
    });
  });
