import { isIP } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { OwnListener } from '../../config.ts';
import type { Ctx, Issuer, SigningIssuer } from '../../ctx.ts';
import { clock } from '../../model/audit.ts';
import type { Certificate } from '../../model/certificate.ts';
import { hex } from '../../model/encoding.ts';
import { seconds } from '../../model/seconds.ts';
import { sha256 } from '../../model/sha256.ts';
import { type CertificateSpec, encodeTbs } from '../../pki/certificate.ts';
import { generateEcKey } from '../../pki/engine.ts';
import { listenerSpec, newSerial, responderSpec } from '../../pki/issue.ts';
import { fileSigner, type Signer } from '../../pki/keys.ts';
import { lint } from '../../pki/lint.ts';
import type { AltName } from '../../pki/names.ts';
import { commitCertificate, firstFence, moveCertificate } from '../../store/certificates.ts';
import { type Credential, insertCredential, newestCredential } from '../../store/issuers.ts';
import type { Trx } from '../../store/open.ts';
import { transact } from '../act.ts';
import { record } from '../audit/record.ts';
import { newId } from '../ids.ts';
import { underLease } from '../under-lease.ts';
import { rowMac, signCommitted } from './sign-committed.ts';

/** A certificate for a use of our own, with its key. */
export interface OpenCredential {
  certificate: Uint8Array;
  /** PKCS #8 */
  key: Uint8Array;
  signer: Signer;
  issuerId: string;
  notAfter: number;
}

/** Seconds; one is renewed when half of its life is over. */
const responderLifetime = 14 * seconds.day;
const listenerLifetime = 90 * seconds.day;

/** The delegated OCSP responder of an issuer (RFC 6960 §4.2.2.2). */
export function responderCredential(ctx: Ctx, issuer: Issuer): Promise<OpenCredential> {
  const lifetime = responderLifetime;
  const meant: Wanted['meant'] = (serial, spki) =>
    responderSpec({ serial, spki, now: ctx.now(), lifetime, statusUrl: ctx.config.status.publicUrl }, issuer);
  return credential(ctx, { purpose: 'ocsp', holder: issuer.id, issuer, lifetime, meant });
}

/** Every issuer that can still sign has a responder whose certificate is in the first half of its life. */
export async function renewResponders(ctx: Ctx): Promise<void> {
  for (const issuer of ctx.authority.issuers.values())
    if (issuer.signer && issuer.notAfter > ctx.now()) await responderCredential(ctx, issuer as SigningIssuer);
}

/** The certificate of a listener of ours, where the operator brings none: for the public host, `localhost` kept reachable by address. */
export function listenerCredential(ctx: Ctx, which: OwnListener): Promise<OpenCredential> {
  const issuer = ctx.authority.active;
  const { config } = ctx;
  const host = hostOf(config.publicUrl);
  const own = hostOf(`http://${config.admin.listen}`);
  // An address that stands for all of them names none.
  const isOwnAddress = which === 'admin' && isIP(own) !== 0 && !/^[0.:]+$/.test(own);
  const addresses = new Set([...(isIP(host) ? [host] : []), ...(isOwnAddress ? [own] : []), '127.0.0.1']);
  const names: AltName[] = [
    { kind: 'dns', value: isIP(host) ? 'localhost' : host },
    ...[...addresses].map(value => ({ kind: 'ip' as const, value })),
  ];
  const holder = which === 'public' ? host : `${host} ${which} ${own}`;
  const lifetime = listenerLifetime;
  const meant: Wanted['meant'] = (serial, spki) =>
    listenerSpec({ serial, spki, now: ctx.now(), lifetime, statusUrl: ctx.config.status.publicUrl }, issuer, names);
  return credential(ctx, { purpose: 'tls', holder, issuer, lifetime, meant });
}

/** As URLs write it; an IPv6 address without its brackets. */
const hostOf = (url: string): string => new URL(url).hostname.replace(/^\[|\]$/g, '');

interface Wanted {
  purpose: Credential['purpose'];
  /** Whose it is: an issuer's id, or a listener. */
  holder: string;
  issuer: Issuer;
  /** Seconds. */
  lifetime: number;
  meant(serial: Uint8Array, spki: Uint8Array): CertificateSpec;
}

/** Seconds in which one is made, and in which the one before still serves. */
const lease = 10;
const margin = 2 * seconds.day;

/** Tenths of a second that one waits for another process to make it: longer than the lease, for that process may have been killed. */
const patience = 150;

/** The stored one while it is young; then a new one, made by one process of many. */
async function credential(ctx: Ctx, wanted: Wanted): Promise<OpenCredential> {
  const { purpose, holder, issuer, lifetime } = wanted;
  // A host's name may be longer than a lease's.
  const name = `${purpose}:${hex(sha256(Buffer.from(holder))).slice(0, 32)}`;
  const find = async (seconds: number) => {
    const stored = await newestCredential(ctx.db, purpose, holder);
    if (!stored || stored.issuerId !== issuer.id || stored.notBefore > ctx.now()) return undefined;
    // None outlasts its issuer.
    return stored.notAfter > ctx.now() + seconds || stored.notAfter >= issuer.notAfter ? stored : undefined;
  };
  for (let tries = 0; tries < patience; tries++) {
    const young = await find(lifetime / 2);
    if (young) return open(ctx, young);
    const made = await underLease(ctx, name, async held => (await find(lifetime / 2)) ?? issueCredential(ctx, wanted, held), lease);
    if (made) return open(ctx, made);
    const old = await find(margin);
    if (old) return open(ctx, old);
    await setTimeout(100);
  }
  throw new Error(`another process is making the ${purpose} credential for ${holder}, and has been for a while`);
}

function open(ctx: Ctx, { id, certificate, key, issuerId, notAfter }: Credential): OpenCredential {
  const pkcs8 = ctx.vault.open({ in: 'credentials.key', row: id }, key);
  return { certificate, key: pkcs8, signer: fileSigner(pkcs8), issuerId, notAfter };
}

/** The same way as every certificate: built, linted, committed, then signed. */
async function issueCredential(ctx: Ctx, wanted: Wanted, held: (trx: Trx) => Promise<void>): Promise<Credential> {
  const { purpose, holder, issuer } = wanted;
  const key = await generateEcKey('P-256');
  const { spki } = fileSigner(key);
  const spec = wanted.meant(newSerial(ctx.random), spki);
  const tbs = encodeTbs(spec);
  lint(tbs, spec);
  const facts = {
    serial: hex(spec.serial),
    issuerId: issuer.id,
    shard: 0,
    profile: purpose,
    names: [],
    notBefore: spec.notBefore,
    notAfter: spec.notAfter,
    spkiHash: sha256(spki),
    tbs,
    committedAt: ctx.now(),
  };
  const certificate: Certificate = { ...facts, state: 'committed', mac: rowMac(ctx, facts) };
  await ctx.db.transaction(trx => commitCertificate(trx, certificate, 60));
  const der = await signCommitted(ctx, certificate);
  const id = newId(ctx);
  const made: Credential = {
    id,
    purpose,
    holder,
    issuerId: issuer.id,
    certificate: der,
    key: ctx.vault.seal({ in: 'credentials.key', row: id }, key),
    notBefore: spec.notBefore,
    notAfter: spec.notAfter,
  };
  await transact(ctx, clock, async act => {
    await held(act.trx);
    if (!(await moveCertificate(act.trx, certificate.serial, 'issued', firstFence, { der })))
      throw new Error(`the certificate ${certificate.serial} was abandoned meanwhile`);
    await insertCredential(act.trx, made);
    await record(act, {
      action: 'credential.issued',
      subject: { serial: certificate.serial, issuer: issuer.id },
      detail: { purpose, holder },
    });
  });
  return made;
}
