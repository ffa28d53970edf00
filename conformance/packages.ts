import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { cleanEnv, run, tail } from './process.ts';

const wanted = [
  ...['certbot', 'lego', 'dehydrated', 'uacme', 'acme-tiny', 'ejabberd', 'prosody', 'lua-unbound', 'exim4-daemon-light'],
  ...['python3-slixmpp', 'openssl', 'curl', 'iproute2', 'util-linux'],
  ...['nginx', 'gnutls-bin', 'golang-go', 'golang-golang-x-mod-dev', 'chromium', 'poppler-utils'],
];
const policy = '/usr/sbin/policy-rc.d';
const env = () => ({ ...cleanEnv('/root'), DEBIAN_FRONTEND: 'noninteractive', ...proxies() });

/** Something outside of this project stands in the way. */
export class Unprepared extends Error {}

/**
 * Installs the Debian packages that are missing, without starting any of their services.
 * @throws Unprepared where this is no root, no Debian, or the mirror cannot be reached
 */
export async function installPackages(): Promise<void> {
  const missing = await missingPackages();
  if (process.getuid?.() !== 0)
    throw new Unprepared(
      missing.length
        ? `these Debian packages are missing; run this as root once, or install them: ${missing.join(' ')}`
        : 'run this as root: it needs namespaces of its own (network, mounts), and ejabberd and exim run as their own users',
    );
  if (missing.length === 0) return;
  process.stdout.write(`installing ${missing.join(' ')}\n`);
  const made = !existsSync(policy);
  if (made) {
    // invoke-rc.d asks it whether a service may be started: never.
    writeFileSync(policy, '#!/bin/sh\nexit 101\n');
    chmodSync(policy, 0o755);
  }
  try {
    await apt('the package mirror cannot be reached', ['update', '-o', 'APT::Update::Error-Mode=any']);
    // --no-remove: where another mail server is installed, this stops instead of removing it.
    await apt('the packages cannot be installed', ['install', '-y', '--no-install-recommends', '--no-remove', ...missing]);
  } finally {
    if (made) rmSync(policy, { force: true });
  }
}

async function apt(complaint: string, args: string[]): Promise<void> {
  const { code, stdout, stderr } = await run(['apt-get', ...args], { env: env(), timeout: 900, accept: [0, 100] });
  if (code !== 0) throw new Unprepared(`${complaint}: apt-get ${args[0]} says\n${tail(stdout + stderr, 8)}`);
}

async function missingPackages(): Promise<string[]> {
  const format = '-f=$' + '{Package} $' + '{db:Status-Status}\\n';
  const { stdout } = await run(['dpkg-query', '-W', format, ...wanted], { accept: [0, 1] }).catch(() => {
    throw new Unprepared('this is no Debian: dpkg-query cannot be run');
  });
  const installed = new Set(stdout.split('\n').flatMap(line => (line.endsWith(' installed') ? [line.split(' ')[0]] : [])));
  return wanted.filter(name => !installed.has(name));
}

function proxies(): Record<string, string> {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];
  return Object.fromEntries(names.flatMap(name => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
}
