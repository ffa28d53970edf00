import fc from 'fast-check';
import { routes } from '../../../src/http/admin/routes.ts';
import { type AdminClient, adminClient } from '../../kit/admin-client.ts';
import { engines, startCa, type TestCa } from '../../kit/ca.ts';
import { checkProblem } from '../../kit/refused.ts';

const odd = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\0', 'a\0b', '\ud800', '%', '..', '🦊', 'x'.repeat(300), '0'.repeat(64), 'aaaa', 'xn--', 'a.test', '-1', '9'.repeat(30)),
  fc.jsonValue(),
  fc.maxSafeInteger(),
);

/** Whole characters only: no URL can say others. */
const asText = (value: unknown): string => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString();

for (const engine of engines)
  describe(`the admin API (${engine})`, function () {
    this.timeout(120_000);
    let ca: TestCa;
    let client: AdminClient;
    before(async () => {
      ca = await startCa({ engine, config: { log: 'silent' } });
      client = adminClient(ca, (await ca.run('token create', { scope: 'admin' })).token);
    });
    after(async () => {
      client.close();
      await ca.close();
    });

    for (const { operation, method, path, inPath } of routes)
      it(`answers anything without an error of its own: ${operation.name}`, async () => {
        const names = Object.keys(operation.input.shape);
        const inputs = fc.record(Object.fromEntries(names.map(name => [name, odd])), { requiredKeys: inPath });
        const send = (input: Record<string, unknown>) => {
          const rest = Object.entries(input).filter(([name]) => !inPath.includes(name));
          const filled = path.replace(/{(\w+)}/g, (_, name: string) => encodeURIComponent(asText(input[name])) || 'a');
          if (method === 'post') return client.send('POST', filled, Object.fromEntries(rest));
          const query = new URLSearchParams(rest.map(([name, value]): [string, string] => [name, asText(value)]));
          return client.send('GET', `${filled}?${query}`);
        };
        await fc.assert(
          fc.asyncProperty(inputs, async input => {
            const answer = await send(input);
            if (answer.status >= 500) throw new Error(`${answer.status}: ${answer.body}`);
            if (answer.status >= 300) checkProblem(answer);
          }),
          { numRuns: 25 },
        );
      });
  });
