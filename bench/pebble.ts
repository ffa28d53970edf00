import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AcmeClient } from '../test/kit/acme-client.ts';
import { freePort } from '../test/kit/free-port.ts';
import { selfSigned } from '../test/kit/loopback.ts';
import { cpuOf } from './cpu.ts';
import { cleanEnv, Daemon, run, tail } from './process.ts';
import type { Server, Target } from './target.ts';
import type { World } from './world.ts';

const binary = '/usr/bin/pebble';

/** Installs Debian's package where it is missing and this is root. @returns why there is no pebble */
export async function preparePebble(): Promise<string | undefined> {
  if (existsSync(binary)) return undefined;
  if (process.getuid?.() !== 0) return 'it is not installed; run this as root once, or "apt-get install pebble"';
  process.stdout.write('installing pebble\n');
  const proxies = Object.entries(process.env).flatMap(([name, value]) =>
    /^(https?|no)_proxy$/i.test(name) && value !== undefined ? [[name, value]] : [],
  );
  const env = cleanEnv({ DEBIAN_FRONTEND: 'noninteractive', ...Object.fromEntries(proxies) });
  try {
    await run('apt-get', ['update', '-o', 'APT::Update::Error-Mode=any'], env);
    await run('apt-get', ['install', '-y', '--no-install-recommends', '--no-remove', 'pebble'], env);
  } catch (error) {
    return `it cannot be installed: ${tail(error instanceof Error ? error.message : String(error), 3)}`;
  }
  return existsSync(binary) ? undefined : `the package holds no ${binary}`;
}

/** Let's Encrypt's test server: in memory, in Go. Without its random pauses and its random refusals of nonces. */
export async function startPebble({ folder, dns, load }: World): Promise<Server> {
  const home = join(folder, 'pebble');
  mkdirSync(home);
  const { cert, key } = selfSigned('localhost');
  const certificate = join(home, 'cert.pem');
  const privateKey = join(home, 'key.pem');
  writeFileSync(certificate, cert);
  writeFileSync(privateKey, key);
  const listenAddress = `127.0.0.1:${await freePort()}`;
  const file = join(home, 'config.json');
  const managementListenAddress = `127.0.0.1:${await freePort()}`;
  const config = { listenAddress, managementListenAddress, certificate, privateKey, httpPort: load.httpPort, tlsPort: 5001 };
  writeFileSync(file, JSON.stringify({ pebble: config }));
  const env = cleanEnv({ PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' });
  const daemon = new Daemon('pebble', [binary, '-config', file, '-dnsserver', dns.address], join(home, 'log'), env);
  const address = `https://${listenAddress}`;
  const target: Target = { directory: `${address}/dir`, publicUrl: 'https://localhost', address, trust: cert };
  try {
    await daemon.ready(() => answers(target));
    return { target, cpu: () => ({ server: cpuOf(daemon.pid) }), stop: () => daemon.stop() };
  } catch (error) {
    await daemon.stop();
    throw error;
  }
}

async function answers({ publicUrl, address, trust, directory }: Target): Promise<true | undefined> {
  const client = new AcmeClient(publicUrl, address, trust);
  try {
    const { status } = await client.get(directory);
    return status === 200 || undefined;
  } catch {
    return undefined;
  } finally {
    client.close();
  }
}
