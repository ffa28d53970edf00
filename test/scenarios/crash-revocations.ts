import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { issuerId } from '../../src/ca/authority/hierarchy.ts';
import { fromPem } from '../../src/model/encoding.ts';
import { readCertificate } from '../../src/pki/certificate.ts';
import { listAudit } from '../../src/store/audit.ts';
import { type Db, openDatabase } from '../../src/store/open.ts';
import { listMessages } from '../../src/store/outbox.ts';
import type { AcmeClient } from '../kit/acme-client.ts';
import type { ServerProcess, Site } from '../kit/process.ts';
import { serialOf } from '../kit/renewal.ts';
import { ocspRequest, readCrl, readOcsp } from '../kit/status.ts';

/** The part of the crash test that takes certificates back. */

/** What a client knows of the revocation of a certificate that it has in hand. */
export interface Revocable {
  chain?: string;
  /** It was told so; undefined where it never asked, or the server was killed before it answered. */
  isRevoked?: boolean;
}

/** Every other certificate is revoked as soon as it is there. */
export async function revokeSome(client: AcmeClient, order: Revocable): Promise<void> {
  if (order.chain === undefined || Number.parseInt(serialOf(order.chain).slice(-1), 16) % 2) return;
  const certificate = new X509Certificate(order.chain).raw.toString('base64url');
  const { status, body } = await client.post(client.directory.revokeCert, { certificate, reason: 4 });
  assert.equal(status, 200, `${body}`);
  order.isRevoked = true;
}

const serialsOf = (orders: readonly Revocable[]) => orders.flatMap(o => (o.isRevoked && o.chain !== undefined ? serialOf(o.chain) : []));

/** What the process that was killed holds lapses by the database’s clock; that takes half a minute. */
export async function letLeasesLapse(url: string): Promise<void> {
  const db = await openDatabase(url);
  try {
    await db('leases').update({ until: 0 });
  } finally {
    await db.destroy();
  }
}

/** What relying servers see: the CRL that was published last, and OCSP. */
export class Seen {
  readonly #issuer: { id: string; subject: Uint8Array; spki: Uint8Array };
  /** Asked about once is enough: OCSP reads the same rows each time. */
  readonly #asked = new Set<string>();

  private constructor(issuer: { subject: Uint8Array; spki: Uint8Array }) {
    this.#issuer = { ...issuer, id: issuerId(issuer.spki) };
  }

  static async of(site: Site): Promise<Seen> {
    const [certificate] = fromPem('CERTIFICATE', await readFile(join(site.folder, 'data/issuing.pem'), 'utf8'));
    assert.ok(certificate);
    return new Seen(readCertificate(certificate));
  }

  /** Of what clients were told of, what the CRL lacks. */
  async missing(server: Pick<ServerProcess, 'status'>, orders: readonly Revocable[]): Promise<string[]> {
    const told = serialsOf(orders);
    const der = Buffer.from(await (await fetch(`${server.status}/crl/${this.#issuer.id}.crl`)).arrayBuffer());
    const listed = new Set(readCrl(der, this.#issuer).serials);
    return told.filter(serial => !listed.has(serial));
  }

  /** @throws AssertionError where OCSP has forgotten what a client was told */
  async askOcsp(server: Pick<ServerProcess, 'status'>, orders: readonly Revocable[]): Promise<void> {
    for (const serial of serialsOf(orders)) {
      if (this.#asked.has(serial)) continue;
      const body = Buffer.from(ocspRequest({ authority: { active: this.#issuer } } as never, serial));
      const answer = await fetch(`${server.status}/ocsp`, {
        method: 'POST',
        body,
        headers: { 'Content-Type': 'application/ocsp-request' },
      });
      assert.equal(readOcsp(Buffer.from(await answer.arrayBuffer())).status, 'revoked', `OCSP about ${serial}`);
      this.#asked.add(serial);
    }
  }
}

/** What clients were told stands, and everything that tells of it is there once. @returns how many were revoked */
export async function examineRevocations(db: Db, orders: readonly Revocable[]): Promise<number> {
  const revoked: string[] = await db('certificates')
    .where({ state: 'issued' })
    .whereNotNull('revoked_at')
    .orderBy('serial')
    .pluck('serial');
  const told = serialsOf(orders);
  assert.deepEqual(
    told.filter(serial => !revoked.includes(serial)),
    [],
    'revocations that clients were told of',
  );
  const audited = (await listAudit(db, { action: 'certificate.revoked' })).map(e => e.subject['serial']);
  const noticed = (await listMessages(db, ['queued', 'sent', 'dead'])).flatMap(m => (m.kind === 'revoked' ? m.refs.serials : []));
  assert.deepEqual(audited.sort(), revoked, 'one audit row certificate.revoked for each');
  assert.deepEqual(noticed.sort(), revoked, 'one notice for each');
  return told.length;
}
