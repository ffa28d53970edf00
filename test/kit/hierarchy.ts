import { execFileSync, spawnSync } from 'node:child_process';
import { createECDH, createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pem } from '../../src/model/encoding.ts';
import { assemble, type CertificateSpec, encodeTbs, readCertificate } from '../../src/pki/certificate.ts';
import type { Policy } from '../../src/pki/extensions.ts';
import { type IssuerFacts, issuingSpec, type LeafRequest, leafSpec, listenerSpec, responderSpec, rootSpec } from '../../src/pki/issue.ts';
import { fileSigner, type Signer } from '../../src/pki/keys.ts';
import { checkLeafKey } from '../../src/pki/public-key.ts';

/** A hierarchy with fixed keys, serials and times: what it signs is the same in every run, but for ECDSA's own randomness. */

/** 2026-10-01T00:00:00Z */
export const now = 1790812800;
export const statusUrl = 'http://status.ca.example';

/** The EC key that a word stands for. */
export function ecKey(word: string, curve: 'P-256' | 'P-384' | 'P-521' = 'P-256'): KeyObject {
  const name = { 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' }[curve];
  const ecdh = createECDH(name);
  const d = createHash('sha256').update(word).digest();
  ecdh.setPrivateKey(d);
  const point = ecdh.getPublicKey();
  const size = (point.length - 1) / 2;
  const b64 = (bytes: Buffer) => bytes.toString('base64url');
  const jwk = {
    kty: 'EC',
    crv: curve,
    d: b64(Buffer.concat([Buffer.alloc(size - d.length), d])),
    x: b64(point.subarray(1, 1 + size)),
    y: b64(point.subarray(1 + size)),
  };
  return createPrivateKey({ key: jwk, format: 'jwk' });
}

export const spkiOf = (key: KeyObject): Buffer => createPublicKey(key).export({ format: 'der', type: 'spki' });
export const signerOf = (key: KeyObject): Signer => fileSigner(key.export({ format: 'der', type: 'pkcs8' }));
export const publicKeyOf = (key: KeyObject) => checkLeafKey(spkiOf(key), new Set());

/** 16 bytes: the number, behind a first byte that is not zero. */
export const serialOf = (number: number): Buffer => {
  const bytes = Buffer.alloc(16);
  bytes[0] = 0x42;
  bytes.writeUInt32BE(number, 12);
  return bytes;
};

const year = 365 * 86400;
const rootKey = ecKey('root', 'P-384');
const issuingKey = ecKey('issuing');
export const rootSigner = signerOf(rootKey);
export const issuingSigner = signerOf(issuingKey);

const signWith = (key: KeyObject, tbs: Uint8Array, algorithm: Uint8Array): Uint8Array =>
  assemble(tbs, algorithm, sign(key === rootKey ? 'sha384' : 'sha256', tbs, key));

export const rootMeant = rootSpec(
  { serial: serialOf(1), spki: rootSigner.spki, notBefore: now - year, notAfter: now + 30 * year, commonName: 'Test root' },
  rootSigner.algorithm,
);
export const rootTbs = encodeTbs(rootMeant);
export const rootCertificate = signWith(rootKey, rootTbs, rootSigner.algorithm);
export const rootFacts = factsOf('root', rootMeant, rootSigner, rootCertificate);

export const issuingMeant = issuingSpec(
  { serial: serialOf(2), spki: issuingSigner.spki, notBefore: now - year, notAfter: now + 10 * year, commonName: 'Test issuing CA' },
  rootFacts,
  statusUrl,
);
export const issuingTbs = encodeTbs(issuingMeant);
export const issuingCertificate = signWith(rootKey, issuingTbs, rootSigner.algorithm);
export const issuingFacts = factsOf('issuing', issuingMeant, issuingSigner, issuingCertificate);

function factsOf(id: string, { notBefore, notAfter }: CertificateSpec, signer: Signer, certificate: Uint8Array): IssuerFacts {
  return {
    id,
    subject: readCertificate(certificate).subject,
    spki: signer.spki,
    signatureAlgorithm: signer.algorithm,
    notBefore,
    notAfter,
  };
}

/** With the pointer to the practice statement. */
export const testPolicy: Policy = { id: '1.3.6.1.4.1.99999.1', cps: 'https://ca.example/cp-cps' };

export const leafKey = ecKey('leaf');

/** What a leaf of the issuing CA says. */
export function leafMeant(request: Partial<LeafRequest> = {}): CertificateSpec {
  const { profile = 'xmpp-server', names = ['example.com'], publicKey = publicKeyOf(leafKey), serial = serialOf(3) } = request;
  const { asked = {}, policies = [], shard = 0 } = request;
  return leafSpec({ profile, names, publicKey, serial, now, asked, policies, statusUrl, shard }, issuingFacts);
}

export const responderKey = ecKey('responder');
export const responderMeant = responderSpec(
  { serial: serialOf(4), spki: spkiOf(responderKey), now, lifetime: 14 * 86400, statusUrl },
  issuingFacts,
);
export const listenerMeant = listenerSpec(
  { serial: serialOf(5), spki: spkiOf(ecKey('listener')), now, lifetime: 90 * 86400, statusUrl },
  issuingFacts,
  [
    { kind: 'dns', value: 'localhost' },
    { kind: 'ip', value: '127.0.0.1' },
  ],
);

export const signLeaf = (meant: CertificateSpec): Uint8Array => signWith(issuingKey, encodeTbs(meant), issuingSigner.algorithm);

/** One certificate of each kind that the authority makes. */
export const everyKind: Record<string, CertificateSpec> = {
  root: rootMeant,
  'issuing CA': issuingMeant,
  'xmpp-server': leafMeant({ names: ['example.com', 'xn--mnchen-3ya.example'], policies: [testPolicy] }),
  'xmpp-server-addr': leafMeant({ profile: 'xmpp-server-addr', names: ['example.com', 'xn--mnchen-3ya.example'] }),
  'xmpp-server-short': leafMeant({ profile: 'xmpp-server-short', names: ['*.example.com'] }),
  'OCSP responder': responderMeant,
  listener: listenerMeant,
};

/** Files in a folder of their own, for openssl. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'xmpp-ca-pki-'));

  write(name: string, contents: string | Uint8Array): string {
    const file = join(this.path, name);
    writeFileSync(file, contents);
    return file;
  }

  certificate(name: string, der: Uint8Array): string {
    return this.write(name, pem('CERTIFICATE', der));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** @throws Error with what openssl said */
export function openssl(...args: string[]): string {
  return execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' });
}

/** Whatever openssl says, on both streams. */
export function opensslSays(...args: string[]): { code: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  return { code: status, text: stdout + stderr };
}
