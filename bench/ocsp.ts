import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pem } from '../src/model/encoding.ts';
import { readCertificate } from '../src/pki/certificate.ts';
import { freePort } from '../test/kit/free-port.ts';
import { ecKey, issuingCertificate, issuingFacts, serialOf } from '../test/kit/hierarchy.ts';
import { ocspRequest } from '../test/kit/status.ts';
import type { BareAnswer } from './bare-process.ts';
import { type HttpMeasurement, measureHttp } from './http-load.ts';
import { startOurs } from './ours.ts';
import { cleanEnv, pause } from './process.ts';
import { httpTable } from './report.ts';
import type { World } from './world.ts';

const clients = 32;

type IssuerNames = Parameters<typeof ocspRequest>[0];

export const get = (der: Uint8Array) =>
  base64(`GET /ocsp/${encodeURIComponent(base64(der))} HTTP/1.1\r\nHost: status.load.example\r\n\r\n`);
const post = (der: Uint8Array, path = '/ocsp') =>
  base64(
    Buffer.concat([
      Buffer.from(
        `POST ${path} HTTP/1.1\r\nHost: status.load.example\r\nContent-Type: application/ocsp-request\r\nContent-Length: ${der.length}\r\n\r\n`,
      ),
      der,
    ]),
  );
const base64 = (bytes: string | Uint8Array) => Buffer.from(bytes as Uint8Array).toString('base64');
const nonced = (issuer: IssuerNames, serial: string) =>
  Array.from({ length: 2000 }, () => ocspRequest(issuer, serial, { nonce: randomBytes(32) }));

/** OCSP answers by our server, by a bare one that gives the same bytes, and by `openssl ocsp`. @returns a table, and whether all were answered */
export async function benchOcsp(world: World, total: number): Promise<{ text: string; ok: boolean }> {
  const rows: HttpMeasurement[] = [];
  const measure = async (name: string, pid: number, port: number, requests: string[], share = 1) =>
    void rows.push(await measureHttp(name, pid, { port, requests, clients, total: Math.ceil(total * share) }));

  const ours = await startOurs('sqlite', world, false);
  let answer: BareAnswer;
  let request: Uint8Array;
  try {
    await world.load.open(ours.target, 1);
    await world.load.issue(1);
    const [{ serial } = { serial: '' }] = await ours.cli<{ serial: string }[]>('cert', 'list');
    const { raw } = new X509Certificate(readFileSync(join(ours.dataDir, 'issuing.pem')));
    const issuer = { authority: { active: readCertificate(raw) } };
    request = ocspRequest(issuer, serial);
    const { port } = new URL(ours.status);
    answer = await fixed(`${ours.status}/ocsp/${encodeURIComponent(base64(request))}`);
    await measure('ours, cached GET', ours.pid, Number(port), [get(request)]);
    await measure('ours, cached POST', ours.pid, Number(port), [post(request)]);
    await measure(
      'ours, fresh POST with nonce',
      ours.pid,
      Number(port),
      nonced(issuer, serial).map(r => post(r)),
      0.5,
    );
  } finally {
    await world.load.close();
    await ours.stop();
  }
  await withBare(answer, async (pid, port) => {
    await measure('bare node:http, GET', pid, port, [get(request)]);
    await measure('bare node:http, POST', pid, port, [post(request)]);
  });
  await withOpenssl(world.folder, async (pid, port) => {
    const issuer = { authority: { active: issuingFacts } };
    const serial = serialOf(3).toString('hex');
    await measure('openssl ocsp, POST', pid, port, [post(ocspRequest(issuer, serial), '/')], 0.1);
    await measure(
      'openssl ocsp, POST with nonce',
      pid,
      port,
      nonced(issuer, serial).map(r => post(r, '/')),
      0.1,
    );
  });
  const failed = rows.flatMap(r => r.failures.slice(0, 1).map(f => `${r.name}: ${r.failures.length} failed: ${f}`));
  return { text: [httpTable(rows, 'bare node:http, GET'), ...failed].join('\n'), ok: failed.length === 0 };
}

/** What our server answers, to be given by the bare one. */
async function fixed(url: string): Promise<BareAnswer> {
  const answer = await fetch(url);
  const kept = [...answer.headers].filter(([name]) => !['date', 'connection', 'keep-alive'].includes(name));
  return { headers: Object.fromEntries(kept), body: base64(new Uint8Array(await answer.arrayBuffer())) };
}

async function withBare(answer: BareAnswer, work: (pid: number, port: number) => Promise<void>): Promise<void> {
  const child = fork(new URL('./bare-process.ts', import.meta.url), { stdio: 'inherit' });
  await running(child, async pid => {
    child.send(answer);
    const [port] = await once(child, 'message');
    await work(pid, port);
  });
}

/** The issuing CA of the tests answers for itself, out of an index of one certificate. */
async function withOpenssl(folder: string, work: (pid: number, port: number) => Promise<void>): Promise<void> {
  const write = (name: string, text: string) => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };
  const certificate = write('openssl-ca.pem', pem('CERTIFICATE', issuingCertificate));
  const key = write('openssl-ca.key', ecKey('issuing').export({ format: 'pem', type: 'pkcs8' }).toString());
  const index = write('openssl-index', `V\t991231235959Z\t\t${serialOf(3).toString('hex').toUpperCase()}\tunknown\t/CN=example.com\n`);
  const port = await freePort();
  const files = ['-index', index, '-CA', certificate, '-rsigner', certificate, '-rkey', key, '-ndays', '1', '-resp_no_certs'];
  const child = spawn('openssl', ['ocsp', '-port', String(port), ...files], { env: cleanEnv(), stdio: 'ignore' });
  await running(child, async pid => {
    await pause(500);
    await work(pid, port);
  });
}

async function running(child: ChildProcess, work: (pid: number) => Promise<void>): Promise<void> {
  try {
    await work(child.pid ?? 0);
  } finally {
    child.kill('SIGKILL');
  }
}
