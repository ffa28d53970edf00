import assert from 'node:assert/strict';
import { quarterAt, quartersLater } from '../../../src/model/quarter.ts';
import { type AdminClient, adminClient } from '../../kit/admin-client.ts';
import { engines, startCa, type TestCa } from '../../kit/ca.ts';
import { refused } from '../../kit/refused.ts';
import { storeIssuance } from '../../kit/report.ts';
import { allSealed } from '../../kit/sealed.ts';

for (const engine of engines)
  describe(`the report in the admin API (${engine})`, () => {
    let ca: TestCa;
    let client: AdminClient;
    let quarter: ReturnType<typeof quarterAt>;
    before(async () => {
      ca = await startCa({ engine, config: { log: 'silent' } });
      client = adminClient(ca, (await ca.run('token create', { scope: 'admin' })).token);
      quarter = quarterAt(ca.clock.now);
      await client.post('/ledger', { category: 'hosting', amount: '-3.20', currency: 'EUR', note: '=1+1 <script>alert("x")</script>' });
      await client.post('/incidents', { what: '@SUM(A1), & <b>more</b>', severity: 'major' });
    });
    after(async () => {
      client.close();
      await ca.close();
    });

    const get = (accept: string, path = `/reports/${quarter}`) => client.send('GET', `/admin/v1${path}`, undefined, { Accept: accept });

    it('comes as JSON, CSV, HTML or text, as is asked for; JSON, where anything will do', async () => {
      for (const [accept, type] of [
        ['application/json', 'application/json'],
        ['*/*', 'application/json'],
        ['text/csv', 'text/csv; charset=utf-8'],
        ['text/html,application/xhtml+xml,*/*;q=0.8', 'text/html; charset=utf-8'],
        ['text/plain', 'text/plain; charset=utf-8'],
      ] as const) {
        const { status, headers } = await get(accept);
        assert.deepEqual([status, headers['content-type'], headers['cache-control']], [200, type, 'no-store'], accept);
        assert.ok(headers['etag']);
      }
      refused(await get('image/png'), 'malformed', 406, /text\/html/);
    });

    it('as CSV has a figure a line, and what a spreadsheet would take for a formula as text', async () => {
      const lines = (await get('text/csv')).body.toString().split('\r\n');
      assert.equal(lines[0], `section,id,label,unit,${quarter},${quartersLater(quarter, -1)},${quartersLater(quarter, -4)}`);
      assert.ok(lines.includes('Certificates,certificates.issued,issued,count,0,,'));
      assert.ok(lines.includes('Costs,costs.EUR,all costs (EUR),EUR,-3.20,,'));
      assert.equal(lines.filter(line => /(^|,)"?[=@+]/.test(line)).length, 0);
      assert.ok(lines.some(line => line.startsWith('Account,ledger.') && line.endsWith(',EUR,-3.20,,')));
    });

    it('as HTML loads nothing, runs nothing, and has the words of others as words', async () => {
      const { headers, body } = await get('text/html');
      const text = body.toString();
      assert.match(String(headers['content-security-policy']), /default-src 'none'/);
      assert.equal(headers['x-content-type-options'], 'nosniff');
      assert.doesNotMatch(text, /<script|<b>more|javascript:| on\w+=| src=|href=|url\(|@import/i);
      assert.ok(text.includes('=1+1 &lt;script>'));
      assert.match(text, /@page \{ size: A4/);
      const pictures = [...text.matchAll(/<svg [^>]*role="img" aria-label="[^"]+"><title>[^<]+<\/title><desc>/g)];
      assert.equal(pictures.length, (text.match(/<svg /g) ?? []).length);
      assert.ok(pictures.length >= 4);
    });

    it('has every figure on the page, in the table and in the JSON alike', async () => {
      const { json } = await get('application/json');
      const [page, csv, text] = (await Promise.all(['text/html', 'text/csv', 'text/plain'].map(t => get(t)))).map(a => a.body.toString());
      for (const { id, label, section } of json.figures) {
        assert.ok(csv?.includes(`,${id},`), id);
        assert.ok(text?.includes(label), label);
        if (!section.startsWith('Certificates by')) assert.ok(page?.includes(`<small>${id}</small>`), id);
      }
    });

    it('traces a figure to its rows, as JSON or CSV', async () => {
      const { json } = await get('application/json', `/reports/${quarter}/figures/costs.EUR`);
      assert.deepEqual([json.value, json.rows.length, json.rows[0].by, json.rows[0].kind], ['-3.20', 1, '-3.20', 'ledger']);
      const { body } = await get('text/csv', `/reports/${quarter}/figures/costs.EUR`);
      assert.match(body.toString(), /^figure,by,kind,id,at,[^\r]*\r\ncosts\.EUR,-3\.20,ledger,/);
      refused(await get('application/json', `/reports/${quarter}/figures/none.such`), 'malformed', 404);
    });

    it('traces a figure to all of its rows as CSV and NDJSON, in pieces; as JSON to so many', async () => {
      for (let i = 0; i < 1200; i += 100)
        await ca.ctx.db.transaction(async trx => {
          for (let n = 0; n < 100; n++) await storeIssuance(ca, trx, { names: [`${i + n}.test`] });
        });
      // A row tells its place in the log.
      await allSealed(ca.ctx);
      const path = `/reports/${quarter}/figures/certificates.issued`;
      const { json } = await get('application/json', path);
      assert.deepEqual([json.value, json.rows.length, json.more], [1200, 1000, true]);
      for (const [type, head] of [
        ['text/csv', 1],
        ['application/x-ndjson', 0],
      ] as const) {
        const { status, headers, body } = await get(type, path);
        assert.deepEqual([status, headers['transfer-encoding']], [200, 'chunked'], type);
        assert.match(String(headers['content-type']), new RegExp(`^${type}`));
        const lines = body.toString().trimEnd().split('\n');
        assert.equal(lines.length, 1200 + head);
        assert.equal((await get(type, `${path}?limit=700`)).body.toString().trimEnd().split('\n').length, 700 + head);
        refused(await get(type, `/reports/${quarter}/figures/none.such`), 'malformed', 404);
      }
      const line = JSON.parse((await get('application/x-ndjson', `${path}?limit=1`)).body.toString());
      assert.deepEqual([line, json.more], [json.rows[0], true]);
    });

    it('is for whoever may read; costs and incidents are written by whoever may do all', async () => {
      const reader = adminClient(ca, (await ca.run('token create', { scope: 'read' })).token);
      assert.equal((await reader.send('GET', `/admin/v1/reports/${quarter}`)).status, 200);
      for (const path of ['/ledger', '/incidents', '/ledger/x/reverse'])
        refused(await reader.send('POST', `/admin/v1${path}`, { note: 'x' }), 'unauthorized', 403);
      reader.close();
    });

    it('of a quarter that is none, or is still to come, is refused', async () => {
      for (const bad of ['2026', '2026-Q5', '..%2F..', 'now']) refused(await get('application/json', `/reports/${bad}`), 'malformed', 400);
      refused(await get('text/html', `/reports/${quartersLater(quarter, 1)}`), 'malformed', 400, /has not begun/);
      refused(await get('text/html', `/reports/${quartersLater(quarter, -1)}`), 'malformed', 404);
    });
  });
