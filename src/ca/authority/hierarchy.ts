import { join } from 'node:path';
import type { Config } from '../../config.ts';
import type { Authority, Ctx, Issuer, SigningIssuer } from '../../ctx.ts';
import { writeAtomically } from '../../files/write-atomically.ts';
import { clock } from '../../model/audit.ts';
import { backdate } from '../../model/certificate.ts';
import { hex, pem } from '../../model/encoding.ts';
import { seconds } from '../../model/seconds.ts';
import { type CertificateSpec, encodeTbs, readCertificate, signTbs } from '../../pki/certificate.ts';
import { type CrlEntry, signCrl } from '../../pki/crl.ts';
import { generateEcKey } from '../../pki/engine.ts';
import { type IssuerFacts, issuingSpec, newSerial, rootSpec } from '../../pki/issue.ts';
import { fileSigner, keyIdentifier, type Signer } from '../../pki/keys.ts';
import { lint } from '../../pki/lint.ts';
import { readValidity } from '../../pki/validity.ts';
import { type CrlRecord, insertCrl } from '../../store/crls.ts';
import { type IssuerRecord, insertIssuer, issuersVersion, listIssuers, readSetting, writeSetting } from '../../store/issuers.ts';
import type { Db } from '../../store/open.ts';
import type { Vault } from '../../vault/vault.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';

interface Tools {
  config: Config;
  db: Db;
  vault: Vault;
  now(): number;
  random(size: number): Uint8Array;
}

/** An id that relying parties see in URLs: the first octets of the key identifier. */
export const issuerId = (spki: Uint8Array): string => hex(keyIdentifier(spki).subarray(0, 8));

/** The key-encryption key under which the whole database was encrypted last, by its id; undefined before the first start. */
export const usedKeyId = (db: Db): Promise<string | undefined> => readSetting(db, 'kek');

/** Loads the hierarchy, or makes it where there is none. Call it under the setup lock. */
export async function openAuthority(tools: Tools): Promise<Authority> {
  const { db, vault } = tools;
  const keyId = await usedKeyId(db);
  if (keyId !== undefined && !vault.keyIds.includes(keyId))
    throw new Error(
      `the database was made with another key-encryption key (${keyId}, not ${vault.keyIds.join(' or ')}): give back ${tools.config.keys.encryptionKeyFile} or XMPP_CA_KEY`,
    );
  if ((await listIssuers(db)).length === 0) await createHierarchy(tools);
  return load(tools);
}

async function load({ config, db, vault }: Pick<Tools, 'config' | 'db' | 'vault'>): Promise<Authority> {
  // First: what changes while the rest is read is seen the next time.
  const version = await issuersVersion(db);
  const authority = { ...loadAuthority(await listIssuers(db), vault), version };
  writeAnchors(config.dataDir, authority);
  return authority;
}

/** Takes up what a command has changed: a new issuing CA, another that is active. In place: whoever holds the authority sees it. */
export async function reloadAuthority(ctx: Ctx): Promise<void> {
  if ((await issuersVersion(ctx.db)) === ctx.authority.version) return;
  Object.assign(ctx.authority, await load(ctx));
  ctx.log.info({ active: ctx.authority.active.id }, 'the issuing CAs have changed');
}

function loadAuthority(records: IssuerRecord[], vault: Vault): Omit<Authority, 'version'> {
  const issuers = new Map(records.map(record => [record.id, loadIssuer(record, vault)]));
  const active = issuers.get(records.find(r => r.active)?.id ?? '');
  const root = issuers.get(records.find(r => r.kind === 'root')?.id ?? '');
  if (!active?.signer || !root) throw new Error('the database has no active issuing CA');
  return { root, active: active as SigningIssuer, issuers };
}

function loadIssuer({ id, certificate, key }: IssuerRecord, vault: Vault): Issuer {
  const signer = key && fileSigner(vault.open({ in: 'issuers.key', row: id }, key));
  const { subject, spki } = readCertificate(certificate);
  return {
    id,
    certificate,
    subject,
    spki,
    ...readValidity(certificate),
    signatureAlgorithm: signer?.algorithm ?? new Uint8Array(),
    ...(signer && { signer }),
  };
}

/** A root (P-384) and an issuing CA (P-256). The root's key goes to a file of its own and is not kept. */
async function createHierarchy(tools: Tools): Promise<void> {
  const { config, vault, random } = tools;
  const now = tools.now();
  const host = new URL(config.publicUrl).hostname;

  const rootKey = await generateEcKey('P-384');
  const root = fileSigner(rootKey);
  const rootId = issuerId(root.spki);
  const rootMeant = rootSpec(
    {
      serial: newSerial(random),
      spki: root.spki,
      notBefore: now - backdate,
      notAfter: now + 20 * seconds.year - 1,
      commonName: `XMPP federation root (${host})`,
    },
    root.algorithm,
  );
  const rootCertificate = await lintAndSign(rootMeant, root);
  const rootFacts = {
    id: rootId,
    subject: readCertificate(rootCertificate).subject,
    spki: root.spki,
    signatureAlgorithm: root.algorithm,
    notBefore: rootMeant.notBefore,
    notAfter: rootMeant.notAfter,
  };

  const issuing = await makeIssuing(tools, rootFacts, root, 1);
  const crl = await makeRootCrl(rootFacts, root, { number: now, now, entries: [] });

  writeAtomically(rootKeyFile(config), pem(sealedKey, vault.seal({ in: 'file.root.key', row: rootId }, rootKey)));
  await transact(tools, clock, async act => {
    await writeSetting(act.trx, 'kek', vault.keyId);
    await writeSetting(act.trx, rootKeySetting, vault.keyId);
    await insertIssuer(act.trx, { id: rootId, kind: 'root', certificate: rootCertificate, active: false, createdAt: now });
    await insertIssuer(act.trx, { ...issuing, active: true });
    await insertCrl(act.trx, crl);
    await record(act, { action: 'authority.created', subject: { issuer: rootId } });
    await record(act, { action: 'issuer.created', subject: { issuer: issuing.id } });
  });
}

/** Where the root's key is put when it is made; it is to be taken away. */
export const rootKeyFile = (config: Config): string => join(config.dataDir, 'keys', 'root.key');
export const sealedKey = 'XMPP-CA SEALED KEY';
/** The key-encryption key under which the root's key was seen last, by its id. */
export const rootKeySetting = 'root-kek';

/** An issuing CA (P-256) below the root. Each has a name of its own: relying parties find CRLs by it. */
export async function makeIssuing(tools: Tools, root: IssuerFacts, rootSigner: Signer, number: number): Promise<IssuerRecord> {
  const { config, vault, random } = tools;
  const now = tools.now();
  const host = new URL(config.publicUrl).hostname;
  const key = await generateEcKey('P-256');
  const { spki } = fileSigner(key);
  const id = issuerId(spki);
  const meant = issuingSpec(
    {
      serial: newSerial(random),
      spki,
      notBefore: now - backdate,
      notAfter: Math.min(now + 10 * seconds.year - 1, root.notAfter),
      commonName: `XMPP federation issuing CA ${number === 1 ? '' : `${number} `}(${host})`,
    },
    root,
    config.status.publicUrl,
  );
  const certificate = await lintAndSign(meant, rootSigner);
  return { id, kind: 'issuing', certificate, key: vault.seal({ in: 'issuers.key', row: id }, key), active: false, createdAt: now };
}

/** The root's CRL is renewed by a command that has the root's key. */
const rootCrlLifetime = 400 * seconds.day;

export async function makeRootCrl(
  root: IssuerFacts,
  signer: Signer,
  { number, now, entries }: { number: number; now: number; entries: CrlEntry[] },
): Promise<CrlRecord> {
  const nextUpdate = now + rootCrlLifetime;
  const der = await signCrl({ issuerName: root.subject, number, thisUpdate: now, nextUpdate, entries }, signer);
  return { issuerId: root.id, shard: 0, number, der, revocations: 0, thisUpdate: now, nextUpdate };
}

async function lintAndSign(meant: CertificateSpec, signer: Signer): Promise<Uint8Array> {
  const tbs = encodeTbs(meant);
  lint(tbs, meant);
  return signTbs(tbs, signer);
}

/** What people take from the data folder: the root to trust, the issuing CA to add to a chain. */
function writeAnchors(dataDir: string, { root, active }: Authority): void {
  writeAtomically(join(dataDir, 'root.pem'), pem('CERTIFICATE', root.certificate), { mode: 0o644 });
  writeAtomically(join(dataDir, 'issuing.pem'), pem('CERTIFICATE', active.certificate), { mode: 0o644 });
}
