import assert from 'node:assert/strict';
import { jsonSchema } from '../../src/operations/schema-words.ts';
import { operations } from '../../src/operations/table.ts';
import { type AuditRecord, listAudit } from '../../src/store/audit.ts';
import type { Json } from '../kit/acme-client.ts';
import { adminClient } from '../kit/admin-client.ts';
import { engines, startCa } from '../kit/ca.ts';
import { opened } from '../kit/opened.ts';

describe('operations that show what is personal', () => {
  /** What an answer calls it. */
  const personal = ['contacts', 'contact', 'address', 'personal', 'label', 'why'];
  /** Labels of figures, which are our own words. */
  const figures = ['report show', 'report trace'];
  const membersOf = (schema: Json): string[] =>
    Object.entries(schema ?? {}).flatMap(([name, value]) => [
      ...(name === 'properties' ? Object.keys(value as object) : []),
      ...(typeof value === 'object' ? membersOf(value) : []),
    ]);
  for (const { name, output, showsPersonal, http } of operations) {
    if (http === 'never' || http.method !== 'get') continue;
    it(`${name} ${showsPersonal ? 'does' : 'does not'}`, () =>
      assert.equal(
        membersOf(jsonSchema(output, 'output')).some(m => personal.includes(m)) && !figures.includes(name),
        showsPersonal === true,
      ));
  }
});

for (const engine of engines)
  describe(`what an operator does (${engine})`, () => {
    const ca = opened(() => startCa({ engine }));
    let member: Json;
    let token: Json;
    before(async () => {
      member = await ca.run('member add', { name: 'Ada Byron', email: 'ada@byron.test' });
      token = await ca.run('token create', { scope: 'admin' });
    });
    const newest = async (action: AuditRecord['action']) => (await listAudit(ca.ctx.db, { action }, { limit: 1 }))[0];
    const count = async () => (await listAudit(ca.ctx.db)).length;

    const reads: [path: string, operation: string, subject: () => object, rest?: object][] = [
      ['/members', 'member list', () => ({}), { by: [] }],
      ['/members?email=ada@byron.test', 'member list', () => ({}), { by: ['email'] }],
      ['/members?name=Ada%20Byron&limit=1', 'member list', () => ({}), { by: ['name'] }],
      ['/members/ID', 'member show', () => ({ member: member.id })],
      ['/members/ID/export', 'member export', () => ({ member: member.id })],
      ['/eab-keys', 'eab list', () => ({}), { by: [] }],
      ['/tokens', 'token list', () => ({}), { by: [] }],
      ['/keys', 'key list', () => ({}), { by: [] }],
      ['/accounts?member=ID', 'account list', () => ({ member: member.id }), { by: ['member'] }],
    ];
    for (const [path, operation, subject, rest] of reads)
      it(`reading ${path} is recorded, by id and never by name`, async () => {
        const client = adminClient(ca, token.token);
        const items = await client.get(path.replace('ID', member.id));
        client.close();
        const read = await newest('personal-data.read');
        assert.deepEqual([read?.who, read?.door, read?.outcome], [`token:${token.id}`, 'admin', 'done']);
        assert.deepEqual(read?.subject, subject());
        assert.deepEqual(read?.detail, { operation, ...(rest && { rows: items.length, ...rest }) });
        assert.doesNotMatch(JSON.stringify([read?.subject, read?.detail]), /ada|byron/i);
      });

    it('each page of a stream is recorded', async () => {
      const client = adminClient(ca, token.token);
      await client.send('GET', '/admin/v1/members', undefined, { Accept: 'text/csv' });
      client.close();
      assert.equal((await newest('personal-data.read'))?.detail?.['operation'], 'member list');
    });

    it('what shows nothing personal is not', async () => {
      const before = await count();
      for (const name of ['cert list', 'order list', 'outbox list', 'domain list', 'vault status', 'issuer list']) await ca.run(name);
      assert.equal(await count(), before);
    });

    const refusals: [operation: string, input: () => object, subject: () => object, type: string][] = [
      ['member activate', () => ({ id: member.id }), () => ({ member: member.id }), 'malformed'],
      ['member erase', () => ({ id: member.id }), () => ({ member: member.id }), 'malformed'],
      ['cert revoke', () => ({ serial: '01'.repeat(16) }), () => ({ serial: '01'.repeat(16) }), 'malformed'],
      ['domain confirm', () => ({ member: member.id, domain: 'im.test', code: 'a secret' }), () => ({ member: member.id }), 'malformed'],
      ['account deactivate', () => ({ id: 'ada@byron.test' }), () => ({}), 'malformed'],
      ['account deactivate', () => ({ id: 'ada' }), () => ({}), 'malformed'],
      ['eab revoke', () => ({ kid: 'Ada Byron' }), () => ({}), 'malformed'],
      ['domain prove', () => ({ member: member.id, domain: 'gmail.com' }), () => ({ member: member.id }), 'rejectedIdentifier'],
    ];
    for (const [operation, input, subject, type] of refusals)
      it(`${operation} of ${JSON.stringify(subject)}, refused, is recorded with its type and nothing that was typed`, async () => {
        await assert.rejects(ca.run(operation, input()));
        const refused = await newest('operation.refused');
        assert.equal(refused?.outcome, 'refused');
        assert.deepEqual([refused?.subject, refused?.detail], [subject(), { operation, type }]);
      });

    it('a read that is refused is not, nor what fails inside', async () => {
      const before = await count();
      await assert.rejects(ca.run('member show', { id: 'nobody' }));
      assert.equal(await count(), before);
      await ca.ctx.db.schema.renameTable('tokens', 'tokens_away');
      await assert.rejects(ca.run('token create', { scope: 'read' }));
      await ca.ctx.db.schema.renameTable('tokens_away', 'tokens');
      assert.equal(await count(), before);
    });

    it('what cannot be recorded is not told', async () => {
      await ca.ctx.db.schema.renameTable('audit', 'audit_away');
      try {
        await assert.rejects(ca.run('member show', { id: member.id }), /audit/);
        await assert.rejects(ca.run('member list'), /audit/);
      } finally {
        await ca.ctx.db.schema.renameTable('audit_away', 'audit');
      }
    });
  });
