import { spawn } from 'node:child_process';
import { randomInt, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificate } from '../src/pki/certificate.ts';
import { findCertificate, listCertificates } from '../src/store/certificates.ts';
import { openDatabase } from '../src/store/open.ts';
import { ocspRequest } from '../test/kit/status.ts';
import { fill, fillAudit, fillCheckpoints, members } from './fill.ts';
import { loadHttp } from './http-load.ts';
import { get } from './ocsp.ts';
import { type Engine, type Ours, startOurs } from './ours.ts';
import { lines, percentile } from './report.ts';
import type { World } from './world.ts';

const lookups = 500;

/** A database with `size` certificates beside one with a thousand: the server's start, and lookups. @returns a table */
export async function benchMillion(world: World, engines: readonly Engine[], size: number): Promise<string> {
  const rows: string[][] = [];
  for (const engine of engines) {
    const ours = await startOurs(engine, world, false);
    try {
      await issueOne(world, ours);
      await ours.stop();
      let from = 0;
      for (const upTo of [1000, size]) {
        const { seconds, serials } = await fill(ours.database, upTo - from, { from });
        from = upTo;
        const start = await quickest(ours);
        const latencies = [await ocspLatencies(ours, serials), ...(await storeLatencies(ours.database, serials, upTo))];
        await ours.stop();
        rows.push([engine, String(upTo), seconds.toFixed(0), start.toFixed(0), ...latencies.map(shown)]);
      }
    } finally {
      await ours.stop();
    }
  }
  return lines(['', 'certificates', 'filled in s', 'start ms', 'OCSP', 'by serial', 'list by member', 'list by name'], rows);
}

/** As an operator publishes it, by the command line; peak memory is that process's. @returns a line */
export async function benchCrl(world: World, size: number): Promise<string> {
  const ours = await startOurs('sqlite', world, false);
  await issueOne(world, ours);
  await ours.stop();
  await fill(ours.database, size, { revoked: true });
  const { code, seconds, memory } = await command(ours, 'crl', 'publish');
  return `CRL with ${size} entries, "crl publish" on SQLite from start to exit (${code}): ${seconds}, ${memory} at most (budget: 8 s, 512 MiB)`;
}

/** As many records as issuances leave: sealed by the first command that ends, then verified. @returns a line for each engine */
export async function benchAudit(world: World, engines: readonly Engine[], size: number): Promise<string> {
  const said: string[] = [];
  for (const engine of engines) {
    const ours = await startOurs(engine, world, false);
    try {
      await issueOne(world, ours);
      await ours.stop();
      const { records } = await fillAudit(ours.database, size);
      const sealing = await command(ours, 'issuer', 'list');
      const { checkpoints } = await fillCheckpoints(ours);
      const verifying = await command(ours, 'audit', 'verify');
      said.push(
        `${engine}: ${records} audit records sealed at the end of a command (${sealing.code}) in ${sealing.seconds}, ${sealing.memory}; ` +
          `with ${checkpoints} checkpoints, "audit verify" from start to exit (${verifying.code}): ${verifying.seconds}, ${verifying.memory} at most (budget: 60 s)`,
      );
    } finally {
      await ours.stop();
    }
  }
  return said.join('\n');
}

/** Peak memory is that process's. */
async function command(ours: Ours, ...words: string[]): Promise<{ code: unknown; seconds: string; memory: string }> {
  const started = performance.now();
  const child = spawn(process.execPath, ours.command(...words), { stdio: ['ignore', 'ignore', 'inherit'] });
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, peakMemory(child.pid ?? 0));
  }, 10);
  const [code] = await once(child, 'exit');
  clearInterval(watch);
  return { code, seconds: `${((performance.now() - started) / 1000).toFixed(1)} s`, memory: `${(peak / 1024).toFixed(0)} MiB` };
}

/** Of three: the first one reads from the disk, and other work on the machine disturbs each. Leaves the last one running. */
async function quickest(ours: Ours): Promise<number> {
  const starts: number[] = [];
  while (starts.length < 3) {
    await ours.stop();
    starts.push(await ours.again());
  }
  return Math.min(...starts);
}

async function issueOne(world: World, ours: Ours): Promise<void> {
  await world.load.open(ours.target, 1);
  const { failures } = await world.load.issue(1);
  await world.load.close();
  if (failures.length) throw new Error(`no certificate to multiply: ${failures[0]}`);
}

/** VmHWM of proc(5), in KiB. */
function peakMemory(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Answers that nobody has asked for before, one after another. */
async function ocspLatencies(ours: Ours, serials: string[]): Promise<number[]> {
  const { raw } = new X509Certificate(readFileSync(join(ours.dataDir, 'issuing.pem')));
  const issuer = { authority: { active: readCertificate(raw) } };
  const requests = serials.slice(0, lookups).map(serial => get(ocspRequest(issuer, serial)));
  const port = Number(new URL(ours.status).port);
  const { latencies, failures } = await loadHttp({ port, requests, clients: 1, total: requests.length });
  if (failures.length) throw new Error(`OCSP: ${failures[0]}`);
  return latencies;
}

async function storeLatencies(url: string, serials: string[], size: number): Promise<number[][]> {
  const db = await openDatabase(url);
  const timed = async (work: (n: number) => Promise<unknown>) => {
    const latencies: number[] = [];
    for (let i = 0; i < lookups; i++) {
      const from = performance.now();
      await work(i);
      latencies.push(performance.now() - from);
    }
    return latencies.sort((a, b) => a - b);
  };
  try {
    return [
      await timed(i => findCertificate(db, serials[i % serials.length] ?? '')),
      await timed(() => listCertificates(db, { member: `many${randomInt(members)}` }, 0, { limit: 20 })),
      await timed(() => listCertificates(db, { name: `x${randomInt(1, size)}.many.example` }, 0, { limit: 20 })),
    ];
  } finally {
    await db.destroy();
  }
}

const shown = (latencies: number[]) => `${percentile(latencies, 0.5).toFixed(2)} / ${percentile(latencies, 0.99).toFixed(2)}`;
