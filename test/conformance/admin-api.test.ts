import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commitCertificate, firstFence, moveCertificate } from '../../src/store/certificates.ts';
import { openDatabase } from '../../src/store/open.ts';
import { makeSite, type ServerProcess, type Site } from '../kit/process.ts';
import { aCertificate } from '../kit/records.ts';

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
const section = /^### Admin API\n(.*?)^### /ms.exec(readme)?.[1] ?? '';
const [define, ...calls] = (/```sh\n(api\(\).*?)```/s.exec(section)?.[1] ?? '').trim().split('\n');

/** The lines as they are printed, each after the other; only the address and what stands for an id is put in. */
describe('the lines for curl in the README', function () {
  this.timeout(60_000);
  let site: Site;
  let server: ServerProcess;
  const put: Record<string, string> = {};
  before(async function () {
    if (!['/usr/bin/curl', '/bin/curl'].some(existsSync)) this.skip();
    site = await makeSite();
    server = site.serve();
    await server.ready;
    const db = await openDatabase(site.database);
    const certificate = aCertificate({ orderId: 'one', names: ['im.test'] });
    await commitCertificate(db, certificate, 30);
    await moveCertificate(db, certificate.serial, 'issued', firstFence, { der: Buffer.from('der') });
    await db.destroy();
    put['SERIAL'] = certificate.serial;
    put['https://localhost:8444'] = server.admin;
  });
  after(() => site?.close());

  it('are some', () => assert.ok(calls.length >= 7));

  for (const call of calls)
    it(call.replace(/https:\/\/localhost:8444\/admin\/v1/, ''), async () => {
      const line = Object.entries(put).reduce((text, [word, value]) => text.replaceAll(word, value), call);
      const child = spawn('/bin/sh', ['-c', `${define}\n${line}`], { cwd: site.folder, stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', data => {
        stdout += data;
      });
      child.stderr.on('data', data => {
        stderr += data;
      });
      const [code] = await once(child, 'close');
      assert.deepEqual([code, stderr], [0, ''], stdout);
      assert.doesNotMatch(stdout, /acme:error/);
      put['ID'] ??= JSON.parse(stdout).id;
      const etag = /^ETag: (\S+)/im.exec(stdout)?.[1];
      if (etag) put['ETAG'] = etag;
      if (/--output/.test(line))
        assert.match(readFileSync(join(site.folder, 'certificates.csv'), 'utf8'), new RegExp(`^${put['SERIAL']},`, 'm'));
    });
});
