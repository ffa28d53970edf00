import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { issue } from './certificates.ts';
import { facts, fetchCrl, memberOfChain, verifyWithCrl } from './openssl.ts';
import { Daemon, readText } from './process.ts';
import type { Case, Trial } from './trial.ts';
import { until } from './wait.ts';

/** What relying parties' own programs make of OCSP and CRLs. */
export const statusCases: Case[] = [
  {
    name: 'openssl ocsp: each hash, with a nonce and without',
    async run(t) {
      const leaf = await subject(t);
      for (const hash of ['-sha1', '-sha256'])
        for (const nonce of ['-nonce', '-no_nonce']) {
          const said = await ask(leaf, hash, nonce, '-cert', leaf.file);
          demand(said, /Response verify OK/, /: good$/m, nonce === '-nonce' ? /OCSP Nonce/ : undefined);
          refuse(said, /WARNING|Nonce Verify error/, nonce === '-nonce' ? undefined : /OCSP Nonce/);
        }
    },
  },
  {
    name: 'openssl ocsp: several certificates in one request',
    async run(t) {
      const member = await t.provedMember();
      const leaf = await subject(t, t.domain, member);
      const other = await subject(t, `other.${t.domain}`, member);
      await revoke(t, other.serial, 'superseded');
      await until('openssl ocsp to say revoked', async () => {
        const said = await ask(leaf, '-cert', leaf.file, '-sha256', '-cert', other.file);
        demand(said, /Response verify OK/, /: good$/m);
        return /: revoked$/m.test(said);
      });
    },
  },
  {
    name: 'openssl ocsp: revoked with its reason, and never issued',
    async run(t) {
      const leaf = await subject(t);
      demand(await ask(leaf, '-cert', leaf.file), /: good$/m);
      await revoke(t, leaf.serial, 'keyCompromise');
      for (const nonce of ['-nonce', '-no_nonce'])
        await until('openssl ocsp to say revoked', async () => {
          const said = await ask(leaf, nonce, '-cert', leaf.file);
          demand(said, /Response verify OK/);
          return /: revoked$/m.test(said) && /Reason: keyCompromise/.test(said) && /Revocation Time: /.test(said);
        });
      demand(await ask(leaf, '-serial', '0x7f00000000000000000000000000abcd'), /Responder Error: unauthorized \(6\)/);
    },
  },
  {
    name: 'openssl ocsp by GET, and what HTTP caches are told',
    async run(t) {
      const leaf = await subject(t);
      const request = join(t.folder, 'request.der');
      const response = join(t.folder, 'response.der');
      await t.run(['openssl', 'ocsp', '-issuer', leaf.issuer, '-cert', leaf.file, '-no_nonce', '-reqout', request]);
      const url = `${leaf.ocsp}/${encodeURIComponent(readFileSync(request).toString('base64'))}`;
      const get = async (...more: string[]) => (await t.run(['curl', '-sSf', '-D', '-', '-o', response, ...more, url])).stdout;
      const headers = await get();
      const caching = /^cache-control: max-age=(\d+), public, no-transform, must-revalidate\r$/im;
      demand(headers, /^content-type: application\/ocsp-response\r$/im, caching, /^expires: /im, /^last-modified: /im);
      if (Number(caching.exec(headers)?.[1]) > 3600) throw new Error(`kept for more than an hour:\n${headers}`);
      const said = await t.run(['openssl', 'ocsp', '-respin', response, ...trust(leaf), '-cert', leaf.file, '-no_nonce']);
      demand(said.stdout + said.stderr, /Response verify OK/, /: good$/m);
      const etag = /^etag: (.+)\r$/im.exec(headers)?.[1] ?? '';
      demand(await get('-H', `If-None-Match: ${etag}`), /^HTTP\/1.1 304 /);
    },
  },
  {
    name: 'openssl crl and openssl verify -crl_check',
    async run(t) {
      const leaf = await subject(t);
      const crl = await fetchCrl(leaf.file, t.folder);
      const { stdout, stderr } = await t.run(['openssl', 'crl', '-in', crl, '-CAfile', leaf.issuer, '-verify', '-noout', '-text']);
      demand(stdout + stderr, /verify OK/, /Version 2/, /X509v3 CRL Number/, /X509v3 Authority Key Identifier/);
      const verified = await verifyWithCrl(leaf.file, leaf.issuer, t.ca.root, t.folder);
      if (verified.code !== 0) throw new Error(verified.stderr);
      await revoke(t, leaf.serial, 'superseded');
      // By the clock, without a command.
      await until('openssl verify -crl_check to say revoked', async () => {
        const after = await verifyWithCrl(leaf.file, leaf.issuer, t.ca.root, t.folder);
        return after.code === 2 && after.stderr.includes('certificate revoked');
      });
    },
  },
  {
    name: 'GnuTLS ocsptool and certtool',
    async run(t) {
      const leaf = await subject(t);
      const response = join(t.folder, 'gnutls.der');
      const files = ['--load-cert', leaf.file, '--load-issuer', leaf.issuer, '--load-trust', leaf.issuer];
      const asked = async (nonce: string) => {
        const { stdout, stderr } = await t.run(
          ['ocsptool', `--ask=${leaf.ocsp}`, nonce, ...files, '--outfile', response],
          {},
          { accept: [0, 1] },
        );
        return stdout + stderr + (await t.run(['ocsptool', '--response-info', '--inder', '--infile', response])).stdout;
      };
      for (const nonce of ['--nonce', '--no-nonce'])
        demand(await asked(nonce), /Verifying OCSP Response: Success/i, /Certificate Status: good/i);
      const verify = ['ocsptool', '--verify-response', '--load-response', response, '--load-trust', leaf.issuer];
      demand((await t.run(verify)).stdout, /Verifying OCSP Response: Success/i);
      const crl = await fetchCrl(leaf.file, t.folder);
      demand((await t.run(['certtool', '--verify-crl', '--load-ca-certificate', leaf.issuer, '--infile', crl])).stdout, /Verified/);
      await revoke(t, leaf.serial, 'superseded');
      await until('ocsptool to say revoked', async () => /Certificate Status: revoked/i.test(await asked('--nonce')));
    },
  },
  {
    name: 'nginx staples what our responder says',
    async run(t) {
      const leaf = await subject(t);
      const staple = join(t.folder, 'staple.der');
      const fetched = await startNginx(t, leaf, 'fetched');
      await until('a staple that says good', async () => /Cert Status: good/.test(await handshake(t, leaf)));
      demand(await handshake(t, leaf), /OCSP Response Status: successful/, /Verify return code: 0 \(ok\)/);
      await fetched.stop();
      await revoke(t, leaf.serial, 'keyCompromise');
      await until('openssl ocsp to say revoked', async () =>
        /: revoked$/m.test(await ask(leaf, '-no_nonce', '-cert', leaf.file, '-respout', staple)),
      );
      // nginx fetches for itself nothing but `good`: the answer is seen in its log, and no handshake carries one.
      const after = await startNginx(t, leaf, 'revoked');
      await until('nginx to see that it is revoked', async () => {
        demand(await handshake(t, leaf), /OCSP response: no response sent/);
        return /certificate status "revoked" in the OCSP response/.test(readText(after.log));
      });
      await after.stop();
      // What an operator has fetched it passes on as it is.
      await startNginx(t, leaf, 'given', `ssl_stapling_file ${staple};`);
      await until('a staple that says revoked', async () => /Cert Status: revoked/.test(await handshake(t, leaf)));
    },
  },
];

/** A certificate of the case's own, and where its status is to be had. */
interface Subject {
  chain: string;
  key: string;
  file: string;
  issuer: string;
  root: string;
  serial: string;
  ocsp: string;
  run: Trial['run'];
}

async function subject(t: Trial, name = t.domain, member?: string): Promise<Subject> {
  const issued = await issue(t, [name], undefined, member);
  const file = join(t.folder, `${name}.pem`);
  copyFileSync(await memberOfChain(issued.chain, 0, t.folder), file);
  const issuer = await memberOfChain(issued.chain, 1, t.folder);
  const ocsp = (await t.run(['openssl', 'x509', '-in', file, '-noout', '-ocsp_uri'])).stdout.trim();
  return { ...issued, file, issuer, root: t.ca.root, serial: (await facts(file)).serial, ocsp, run: t.run.bind(t) };
}

const trust = ({ issuer, root }: Subject) => ['-issuer', issuer, '-CAfile', root];

/** All that `openssl ocsp` says, asking by POST. */
async function ask(leaf: Subject, ...words: string[]): Promise<string> {
  const { stdout, stderr } = await leaf.run(
    ['openssl', 'ocsp', ...trust(leaf), '-url', leaf.ocsp, '-resp_text', ...words],
    {},
    { accept: [0, 1] },
  );
  return stdout + stderr;
}

const revoke = (t: Trial, serial: string, reason: string) => t.ca.cli('cert', 'revoke', serial, '--reason', reason);

function demand(said: string, ...wanted: (RegExp | undefined)[]): void {
  for (const each of wanted) if (each && !each.test(said)) throw new Error(`${each} is missing from:\n${said}`);
}

function refuse(said: string, ...unwanted: (RegExp | undefined)[]): void {
  for (const each of unwanted) if (each?.test(said)) throw new Error(`${each} stands in:\n${said}`);
}

async function startNginx(t: Trial, leaf: Subject, name: string, more = ''): Promise<Daemon> {
  const trusted = t.file('trusted.pem', readText(leaf.issuer) + readText(leaf.root));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(each => `${each}_temp_path ${t.folder}/${name}-${each};`);
  const log = join(t.folder, `nginx-${name}.log`);
  const config = t.file(
    `nginx-${name}.conf`,
    `daemon off;
user root;
pid ${t.folder}/nginx-${name}.pid;
error_log stderr info;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  server {
    listen ${t.address}:443 ssl;
    ssl_certificate ${leaf.chain};
    ssl_certificate_key ${leaf.key};
    ssl_trusted_certificate ${trusted};
    ssl_stapling on;
    ssl_stapling_verify on;
    ${more}
  }
}
`,
  );
  const daemon = new Daemon('nginx', ['nginx', '-e', 'stderr', '-c', config], log);
  t.logs.push(log);
  t.defer(async () => void (await daemon.stop()));
  await daemon.ready(async () => !(await handshake(t, leaf)).includes('Connection refused'));
  return daemon;
}

/** What a client that asks for a staple sees. */
async function handshake(t: Trial, leaf: Subject): Promise<string> {
  const command = ['openssl', 's_client', '-connect', `${t.address}:443`, '-servername', t.domain, '-status', '-CAfile', leaf.root];
  const { stdout, stderr } = await t.run(command, {}, { accept: [0, 1] });
  return stdout + stderr;
}
