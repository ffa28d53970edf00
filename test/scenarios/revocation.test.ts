import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { publishDueCrls } from '../../src/ca/authority/publish-crl.ts';
import { reasonName, revocationReasons } from '../../src/model/certificate.ts';
import { pem, rfc3339 } from '../../src/model/encoding.ts';
import { type AcmeClient, publicJwk } from '../kit/acme-client.ts';
import { engines, startCa, type TestCa } from '../kit/ca.ts';
import { Folder, opensslSays } from '../kit/hierarchy.ts';
import { expect, type Issued, issue } from '../kit/issue.ts';
import { until } from '../kit/process.ts';
import { refused } from '../kit/refused.ts';
import { askRenewalInfo, serialOf, windowIn } from '../kit/renewal.ts';
import { ocspRequest, readCrl } from '../kit/status.ts';

const day = 86400;

/** What one source says of one certificate. */
interface Revoked {
  at: string;
  reason: string;
}

for (const engine of engines) {
  describe(`three certificates, each revoked by another authority (${engine})`, () => {
    let ca: TestCa;
    let folder: Folder;
    let client: AcmeClient;
    let byAccount: Issued;
    let byKey: Issued;
    let byOperator: Issued;
    /** What is to be true, by serial. */
    const revoked = new Map<string, Revoked & { by: string }>();

    before(async () => {
      ca = await startCa({
        engine,
        config: { status: { listen: '127.0.0.1:0', publicUrl: 'http://localhost:14080', crlShards: 4 } },
      });
      folder = new Folder();
      client = (await ca.member()).client;
      byAccount = await issue(client, ca.net, ['account.test']);
      byKey = await issue(client, ca.net, ['key.test']);
      byOperator = await issue(client, ca.net, ['operator.test']);
    });
    after(async () => {
      folder.remove();
      await ca.close();
    });

    const issuer = () => ca.ctx.authority.active;
    const certificate = ({ chain }: Issued) => new X509Certificate(chain).raw.toString('base64url');
    const ended = ({ chain }: Issued) => Date.parse(new X509Certificate(chain).validTo) / 1000;
    const note = (of: Issued, reason: string, by: string) => revoked.set(serialOf(of.chain), { at: rfc3339(ca.clock.now), reason, by });
    const all = () => [byAccount, byKey, byOperator];

    async function fetched(path: string, body?: Uint8Array): Promise<Buffer> {
      const asked = body && { method: 'POST', body: Buffer.from(body), headers: { 'Content-Type': 'application/ocsp-request' } };
      const answer = await fetch(ca.statusUrl + path, asked);
      assert.equal(answer.status, 200, path);
      return Buffer.from(await answer.arrayBuffer());
    }

    /** As openssl shows it. */
    const timeIn = (text: string, label: RegExp) => rfc3339(Date.parse(label.exec(text)?.[1] ?? '') / 1000);

    async function ocsp(serial: string, method: 'GET' | 'POST'): Promise<Revoked | 'good' | string> {
      const request = ocspRequest(ca.ctx, serial);
      const der =
        method === 'POST'
          ? await fetched('/ocsp', request)
          : await fetched(`/ocsp/${encodeURIComponent(Buffer.from(request).toString('base64'))}`);
      const { text } = opensslSays('ocsp', '-respin', folder.write('response', der), '-noverify', '-resp_text');
      if (/Cert Status: good/.test(text)) return 'good';
      if (!/Cert Status: revoked/.test(text)) return text.trim();
      // openssl has no name for some.
      const reason = reasonName(Number(/Revocation Reason: .*\((0x\w+)\)/.exec(text)?.[1] ?? 0)) ?? '';
      return { at: timeIn(text, /Revocation Time: (.*)/), reason };
    }

    /** Of the complete CRL, and of the one that the certificate names. */
    async function crls({ chain }: Issued): Promise<(Revoked | 'good')[]> {
      const shard = new RegExp(`/crl/${issuer().id}/[1-4]\\.crl`).exec(new X509Certificate(chain).raw.toString('latin1'))?.[0];
      assert.ok(shard, 'the certificate names the CRL of its shard');
      const read = async (path: string) => {
        const der = await fetched(path);
        if (!readCrl(der, issuer()).serials.includes(serialOf(chain))) return 'good';
        const { text } = opensslSays('crl', '-noout', '-text', '-in', folder.write('crl', pem('X509 CRL', der)));
        const [, entry = ''] = text.toLowerCase().split(`serial number: ${serialOf(chain)}`);
        const own = entry.split('serial number: ')[0] ?? '';
        const words = (/reason code:[^\n]*\n\s*(.*)/.exec(own)?.[1] ?? 'unspecified').replaceAll(' ', '');
        const reason = Object.keys(revocationReasons).find(name => name.toLowerCase() === words) ?? words;
        return { at: timeIn(own, /revocation date: (.*)/), reason };
      };
      return [await read(`/crl/${issuer().id}.crl`), await read(shard)];
    }

    async function mailed(serial: string): Promise<(Revoked & { by: string })[]> {
      await ca.settled();
      const texts = (await ca.mails()).filter(m => / revoked for /.test(m.subject ?? '')).map(m => m.text ?? '');
      const field = (text: string, label: string) => new RegExp(`^${label}: +(.*)$`, 'm').exec(text)?.[1] ?? '';
      return texts
        .filter(text => text.includes(serial))
        .map(text => ({ at: field(text, 'Revoked'), reason: field(text, 'Reason'), by: field(text, 'By') }));
    }

    /** Every source says the same of all three, at the latest when what is due has been done. */
    async function agree(): Promise<void> {
      await until(async () => {
        await publishDueCrls(ca.ctx);
        const serials = readCrl(await fetched(`/crl/${issuer().id}.crl`), issuer()).serials;
        return [...revoked.keys()].every(serial => serials.includes(serial));
      });
      for (const issued of all()) {
        const serial = serialOf(issued.chain);
        const truth = revoked.get(serial);
        const said = truth ? { at: truth.at, reason: truth.reason } : 'good';
        for (const method of ['GET', 'POST'] as const) assert.deepEqual(await ocsp(serial, method), said, `OCSP by ${method}`);
        assert.deepEqual(await crls(issued), [said, said], 'the complete CRL, and that of the shard');
        const { start, end } = windowIn(await askRenewalInfo(client, issued.chain));
        assert.ok(truth ? end < ca.clock.now : start > ca.clock.now, `renewal from ${rfc3339(start)}`);
        assert.deepEqual(await mailed(serial), truth ? [truth] : []);
        const shown = await ca.run('cert show', { serial });
        assert.deepEqual(
          [shown.status, shown.reason, shown.revokedAt],
          truth ? ['revoked', truth.reason, truth.at] : ['issued', undefined, undefined],
        );
      }
    }

    it('all are good, for everyone who asks', agree);

    it('by the account that ordered it', async () => {
      ca.later(2 * day);
      expect(await client.post(client.directory.revokeCert, { certificate: certificate(byAccount), reason: 4 }), 200);
      note(byAccount, 'superseded', `the account ${client.kid}`);
      await agree();
    });

    it('by its key, which is lost, and is not certified again', async () => {
      ca.later(3 * day);
      const { key } = byKey;
      const payload = { certificate: certificate(byKey), reason: 1 };
      const stranger = await ca.client().open();
      expect(await stranger.post(stranger.directory.revokeCert, payload, { jwk: publicJwk(key) }, key), 200);
      note(byKey, 'keyCompromise', "the holder of the certificate's key");
      await agree();
      await assert.rejects(issue(client, ca.net, ['key.test'], { key }), /blocked for ever/);
    });

    it('by an operator', async () => {
      ca.later(5 * day);
      await ca.run('cert revoke', { serial: serialOf(byOperator.chain), reason: 'privilegeWithdrawn' });
      note(byOperator, 'privilegeWithdrawn', "the federation's operators");
      await agree();
    });

    it('the first revocation stands, whoever comes later', async () => {
      ca.later(day);
      refused(await client.post(client.directory.revokeCert, { certificate: certificate(byKey), reason: 4 }), 'alreadyRevoked', 400);
      await assert.rejects(ca.run('cert revoke', { serial: serialOf(byAccount.chain) }), /was revoked at/);
      await agree();
    });

    it('still so when the server has published daily for weeks', async () => {
      for (let i = 0; i < 3; i++) {
        ca.later(7 * day);
        await agree();
      }
    });

    it('they leave the CRLs after the first one that is younger than their end', async () => {
      const end = Math.max(...all().map(ended));
      /** The CRLs of a day: each is published once. */
      const listed = async () => {
        const found = await until(async () => {
          await publishDueCrls(ca.ctx);
          const paths = [0, 1, 2, 3, 4].map(shard => `/crl/${issuer().id}${shard ? `/${shard}` : ''}.crl`);
          const read = await Promise.all(paths.map(async path => readCrl(await fetched(path), issuer())));
          return read.every(crl => crl.thisUpdate === ca.clock.now) && read;
        });
        return found.map(crl => crl.serials);
      };
      const everything = all()
        .map(({ chain }) => serialOf(chain))
        .sort();
      ca.later(end - ca.clock.now - day / 2);
      assert.deepEqual((await listed())[0], everything);
      ca.later(day);
      const [complete, ...shards] = await listed();
      assert.deepEqual([complete, shards.flat().sort()], [everything, everything], 'RFC 5280 §3.3');
      ca.later(day);
      assert.deepEqual(await listed(), [[], [], [], [], []]);
      for (const serial of everything) await until(async () => /unauthorized/.test(String(await ocsp(serial, 'POST'))));
    });
  });
}
