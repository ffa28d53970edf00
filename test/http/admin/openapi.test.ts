import assert from 'node:assert/strict';
import type { OpenApi, OpenApiOperation } from '../../../src/http/admin/openapi.ts';
import { openApi } from '../../../src/http/admin/openapi.ts';
import { dateAt, quarterAt } from '../../../src/model/quarter.ts';
import { operations } from '../../../src/operations/table.ts';
import { type Json, newKey, thumbprintOf } from '../../kit/acme-client.ts';
import { type AdminClient, adminClient } from '../../kit/admin-client.ts';
import { codeIn, startCa, type TestCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { refused } from '../../kit/refused.ts';
import { allSealed } from '../../kit/sealed.ts';

interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  pattern?: string;
  format?: string;
}

/** A member of the input, wherever it stands. */
interface Member {
  name: string;
  where: 'path' | 'query' | 'header' | 'body';
  required: boolean;
  schema: Schema;
}

const described = Object.entries(openApi().paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation, members: membersOf(operation) })),
);

function membersOf({ parameters, requestBody }: OpenApiOperation): Member[] {
  const body = requestBody?.content['application/json'].schema as { properties?: Record<string, Schema>; required?: string[] } | undefined;
  const inBody = Object.entries(body?.properties ?? {}).map(([name, schema]) => ({
    name,
    where: 'body' as const,
    required: body?.required?.includes(name) ?? false,
    schema,
  }));
  return [...parameters.map(({ name, in: where, required, schema }) => ({ name, where, required, schema: schema as Schema })), ...inBody];
}

/** Values that a schema refuses, as JSON has them. */
function badValues({ schema }: Member): unknown[] {
  if (schema.anyOf) return ['no such', {}, -1, null];
  if (schema.enum) return ['no such', 7, null];
  if (schema.type === 'array')
    return ['no list', [], [7], ...(schema.items ? badValues({ schema: schema.items } as Member).map(v => [v]) : [])];
  if (schema.type === 'boolean') return ['maybe', 7, null];
  if (schema.type === 'integer' || schema.type === 'number')
    return [
      'many',
      null,
      1.5,
      ...(schema.minimum === undefined ? [] : [schema.minimum - 1]),
      ...(schema.maximum === undefined ? [] : [schema.maximum + 1]),
    ];
  return [
    7,
    null,
    {},
    ...(schema.minLength ? [''] : []),
    ...(schema.maxLength ? ['x'.repeat(schema.maxLength + 1)] : []),
    ...['!!', 'a\u0007b'].filter(text => schema.pattern && !new RegExp(schema.pattern, 'u').test(text)),
  ];
}

/** A path or query holds text: a value that is none stands for a mistake only where text is not what is wanted. */
const asText = ({ schema }: Member, values: unknown[]): string[] =>
  values.filter(v => typeof v === 'string' || (typeof v === 'number' && schema.type !== 'string')).map(String);

describe('the OpenAPI document of the admin API', () => {
  let ca: TestCa;
  let client: AdminClient;
  let good: Record<string, (name: string) => unknown>;
  before(async () => {
    ca = await startCa({ config: { log: 'silent' } });
    const { id, client: acme } = await ca.member();
    const { token } = await ca.run('token create', { scope: 'admin' });
    client = adminClient(ca, token);
    const issueOne = async (name: string) => {
      await issue(acme, ca.net, [name]);
      return (await ca.run('cert list', { name }))[0].serial as string;
    };
    ca.net.dns.mx.set('proved.test', [{ exchange: 'mail.test', preference: 10 }]);
    await ca.run('domain prove', { member: id, domain: 'proved.test' });
    const code = codeIn((await ca.mails()).filter(m => m.text?.includes('proved.test')).at(-1));
    const serials = [await issueOne('a.test'), await issueOne('b.test')];
    const [order] = await ca.run('order list');
    const [account] = await ca.run('account list');
    const directory = await ca.run('directory create', { member: id });
    const suspended = await ca.run('member add', { name: 'Other', email: 'o@club.test' });
    await ca.run('member suspend', { id: suspended.id });
    const other = await ca.run('member add', { name: 'Third', email: 'o@club.test' });
    const eab = await ca.run('eab create', { member: id });
    const spare = await ca.run('token create', { scope: 'read' });
    // A certificate is proved by its place in the log.
    await allSealed(ca.ctx);
    const cost = await ca.run('ledger add', { category: 'hosting', amount: '12.50', currency: 'EUR', note: 'one month' });
    /** By operation, else for all. */
    const values: Record<string, unknown> = {
      member: id,
      name: 'Example Club',
      email: ['a@club.test'],
      kid: eab.kid,
      key: 'ab'.repeat(32),
      thumbprint: thumbprintOf(newKey()),
      domain: 'proved.test',
      mailbox: 'hostmaster',
      code,
      serial: serials[0],
      scope: ['read'],
      reason: 'superseded',
      quarter: quarterAt(ca.clock.now),
      figure: 'certificates.issued',
      category: 'hosting',
      amount: '-12.50',
      currency: 'EUR',
      note: 'paid back',
      what: 'the status listener was out of reach',
      'ledgerAdd.date': dateAt(ca.clock.now),
      'ledgerReverse.id': cost.id,
      'memberShow.id': id,
      'memberSuspend.id': other.id,
      'memberActivate.id': suspended.id,
      'directoryRevoke.id': directory.id,
      'accountShow.id': account.id,
      'accountDeactivate.id': account.id,
      'orderShow.id': order.id,
      'orderList.account': account.id,
      'certRevoke.serial': serials[1],
      'tokenRevoke.id': spare.id,
      'certList.name': 'a.test',
    };
    good = Object.fromEntries(
      described.map(({ operation: { operationId } }) => [operationId, name => values[`${operationId}.${name}`] ?? values[name]]),
    );
  });
  after(async () => {
    client.close();
    await ca.close();
  });

  it('is open, and is 3.1; it has each operation once, its scope, and an answer to everything', async () => {
    const stranger = adminClient(ca);
    const { json, headers } = await stranger.send('GET', '/admin/v1/openapi.json');
    stranger.close();
    assert.equal(headers['content-type'], 'application/json');
    const document = json as OpenApi;
    assert.deepEqual(document, JSON.parse(JSON.stringify(openApi())));
    assert.equal(document.openapi, '3.1.0');
    const reachable = operations.filter(o => o.http !== 'never').length;
    assert.equal(described.length, reachable);
    assert.equal(new Set(described.map(d => d.operation.operationId)).size, reachable);
    for (const { operation } of described) {
      assert.ok(operation.summary && operation.responses['default']);
      assert.equal(operation.security.length, 1);
    }
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(m => m[1] ?? '');
    for (const reference of references)
      assert.ok(
        reference.split('/').reduce<Json>((at, part) => at?.[part], document),
        `${reference} is in the document`,
      );
  });

  it('has a page beside it, without scripts, that says as much', async () => {
    const stranger = adminClient(ca);
    const { headers, body } = await stranger.send('GET', '/admin/v1/');
    stranger.close();
    const text = body.toString();
    assert.match(String(headers['content-type']), /^text\/html/);
    assert.match(String(headers['content-security-policy']), /default-src 'none'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.doesNotMatch(text, /<script|javascript:| on\w+=/i);
    for (const { method, path } of described) assert.ok(text.includes(`${method} /admin/v1${path}`), path);
  });

  /** Sends a request of these values, each to its place. */
  const send = (method: string, path: string, values: [Member, unknown][], more: { body?: object; query?: string } = {}) => {
    const at = (where: Member['where']) => values.filter(([m]) => m.where === where).map(([m, v]) => [m.name, v] as const);
    const filled = at('path').reduce((text, [name, value]) => text.replace(`{${name}}`, encodeURIComponent(String(value))), path);
    const query = new URLSearchParams(at('query').map(([name, value]): [string, string] => [name, String(value)]));
    const text = [query.toString(), more.query].filter(Boolean).join('&');
    const body = method === 'POST' ? { ...Object.fromEntries(at('body')), ...more.body } : undefined;
    return client.send(method, `/admin/v1${filled}${text && `?${text}`}`, body);
  };

  for (const { method, path, operation, members } of described) {
    const { operationId } = operation;
    describe(`${method} ${path}`, () => {
      const goodValue = (member: Member): unknown => good[operationId]?.(member.name) ?? anyOf(member.schema);
      const all = (except?: Member): [Member, unknown][] =>
        members.filter(m => m !== except && (m.required || m.where === 'path')).map(m => [m, goodValue(m)]);

      it('refuses what it does not know, everything at once', async () => {
        const answer = await send(method, path, all(), {
          query: 'strange=1&odd=2',
          ...(method === 'POST' && { body: { unknown: 1, 'a/b': 2 } }),
        });
        const { errors } = refused(answer, 'malformed', 400);
        const places = errors.map((e: Json) => e.pointer ?? e.parameter).sort();
        assert.deepEqual(places, [...(method === 'POST' ? ['#/a~1b', '#/unknown'] : []), 'odd', 'strange']);
      });

      for (const member of members.filter(m => m.where !== 'header'))
        it(`refuses a bad ${member.name}, and says where it is`, async () => {
          const inBody = member.where === 'body';
          const bad = inBody ? badValues(member) : asText(member, badValues(member)).filter(v => v !== '');
          for (const value of bad) {
            const { errors } = refused(await send(method, path, [...all(member), [member, value]]), 'malformed', 400);
            const place = (e: Json) => (inBody ? e.pointer?.split('/')[1] : e.parameter);
            assert.ok(
              errors.length > 0 && errors.every((e: Json) => place(e) === member.name && e.detail),
              JSON.stringify([value, errors]),
            );
          }
          if (member.required && inBody) {
            const { errors } = refused(await send(method, path, all(member)), 'malformed', 400);
            assert.deepEqual(
              errors.map((e: Json) => e.pointer),
              [`#/${member.name}`],
            );
          }
        });

      it('takes good input, and answers as it is described', async () => {
        const optional = members.filter(m => !m.required && m.where !== 'header' && good[operationId]?.(m.name) !== undefined);
        const answer = await send(method, path, [...all(), ...optional.map((m): [Member, unknown] => [m, goodValue(m)])]);
        assert.ok(answer.json?.errors === undefined, `${answer.body}`);
        const [success] = Object.keys(operation.responses);
        // What stands in the fixture works; of an operation that is not there, that its input is taken is enough.
        if (members.filter(m => m.required).every(m => good[operationId]?.(m.name) !== undefined))
          assert.equal(String(answer.status), success, `${answer.body}`);
      });
    });
  }
});

/** Some value that a schema takes. */
function anyOf({ type, anyOf: any, enum: values, const: constant, minimum, items, format }: Schema): unknown {
  if (constant !== undefined) return constant;
  if (any?.[0]) return anyOf(any[0]);
  if (values) return values[0];
  if (type === 'array') return [items ? anyOf(items) : 'a'];
  if (type === 'boolean') return false;
  if (type === 'integer' || type === 'number') return minimum ?? 1;
  return format === 'date-time' ? '2030-01-01T00:00:00Z' : 'aaaa';
}
