import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Output, run } from './process.ts';

/** What a client has after an issuance: PEM files. */
export interface Issued {
  /** The leaf and the issuing CA's certificate. */
  chain: string;
  key: string;
}
export interface Facts {
  /** Lower-case hex. */
  serial: string;
  /** The public key as PEM. */
  publicKey: string;
  /** The text that openssl makes of the subjectAltName. */
  names: string;
}

const openssl = (...args: string[]) => run(['openssl', ...args]);

/** Facts of the leaf, which comes first in its file. */
export async function facts(chain: string): Promise<Facts> {
  const serial = await openssl('x509', '-in', chain, '-noout', '-serial');
  const publicKey = await openssl('x509', '-in', chain, '-noout', '-pubkey');
  const names = await openssl('x509', '-in', chain, '-noout', '-ext', 'subjectAltName');
  return { serial: serial.stdout.trim().replace('serial=', '').toLowerCase(), publicKey: publicKey.stdout, names: names.stdout };
}

/**
 * The chain is good for `names` as a TLS server and as a TLS client, and the key is its own.
 * @throws Error that says what openssl found
 */
export async function checkIssued(issued: Issued, root: string, names: string[]): Promise<Facts> {
  for (const purpose of ['sslserver', 'sslclient'])
    await openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', root, '-untrusted', issued.chain, issued.chain);
  const found = await facts(issued.chain);
  const dns = [...found.names.matchAll(/DNS:([^,\s]+)/g)].map(match => match[1]!).sort();
  const wanted = [...names].sort();
  if (dns.join() !== wanted.join()) throw new Error(`the certificate is for ${dns.join(', ')}, not for ${wanted.join(', ')}`);
  const own = await openssl('pkey', '-in', issued.key, '-pubout');
  if (own.stdout !== found.publicKey) throw new Error(`${issued.key} is not the key of ${issued.chain}`);
  return found;
}

export async function leafDer(chain: string): Promise<Buffer> {
  const { stdout } = await run(['sh', '-c', 'openssl x509 -in "$0" -outform DER | base64 -w0', chain]);
  return Buffer.from(stdout, 'base64');
}

/** Splits a chain file; the result is the file of the certificate at `position`, the leaf being 0. */
export async function memberOfChain(chain: string, position: number, folder: string): Promise<string> {
  const { stdout } = await run(['cat', chain]);
  const found = stdout.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g)?.[position];
  if (found === undefined) throw new Error(`${chain} has no certificate number ${position}`);
  const file = join(folder, `chain-${position}.pem`);
  writeFileSync(file, found);
  return file;
}

/** What the OCSP responder that the certificate names says of it: `good`, `revoked`, `unknown`. */
export async function ocspStatus(chain: string, issuer: string, root: string): Promise<string> {
  const url = (await openssl('x509', '-in', chain, '-noout', '-ocsp_uri')).stdout.trim();
  if (url === '') throw new Error('the certificate names no OCSP responder');
  const output = await openssl('ocsp', '-issuer', issuer, '-cert', chain, '-url', url, '-CAfile', root);
  if (!output.stderr.includes('Response verify OK')) throw new Error(`openssl ocsp does not accept the response:\n${output.stderr}`);
  return /: (good|revoked|unknown)$/m.exec(output.stdout)?.[1] ?? output.stdout;
}

/** `openssl verify -crl_check` with the CRL that the certificate itself points at, fetched just now. */
export async function verifyWithCrl(chain: string, issuer: string, root: string, folder: string): Promise<Output> {
  const crl = await fetchCrl(chain, folder);
  return run(['openssl', 'verify', '-crl_check', '-CAfile', root, '-untrusted', issuer, '-CRLfile', crl, chain], { accept: [0, 2] });
}

/** Downloads the CRL that a certificate points at; the result is a PEM file. */
export async function fetchCrl(certificate: string, folder: string): Promise<string> {
  const points = await openssl('x509', '-in', certificate, '-noout', '-ext', 'crlDistributionPoints');
  const url = /URI:(\S+)/.exec(points.stdout)?.[1];
  if (url === undefined) throw new Error(`${certificate} names no CRL`);
  const der = join(folder, 'fetched.crl');
  const pem = join(folder, `crl-${url.split('/').at(-1)}.pem`);
  await run(['curl', '-sSf', '-o', der, url]);
  await openssl('crl', '-inform', 'DER', '-in', der, '-out', pem);
  return pem;
}

/** What `openssl genpkey` is told. */
const algorithms = {
  'P-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'RSA 2048': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
};

/** A CSR for some names, with an empty subject; and a new key for it, unless the file's is to be used. */
export async function makeCsr(names: string[], key: string, csr: string, algorithm: keyof typeof algorithms | 'same key'): Promise<void> {
  if (algorithm !== 'same key') await openssl('genpkey', ...algorithms[algorithm], '-out', key);
  const san = `subjectAltName=${names.map(name => `DNS:${name}`).join()}`;
  await openssl('req', '-new', '-key', key, '-subj', '/', '-addext', san, '-out', csr);
}
