import { record } from '../../src/ca/audit/record.ts';
import { clock } from '../../src/model/audit.ts';
import type { Certificate } from '../../src/model/certificate.ts';
import { commitCertificate, firstFence, moveCertificate } from '../../src/store/certificates.ts';
import type { Trx } from '../../src/store/open.ts';
import type { Json } from './acme-client.ts';
import type { TestCtx } from './ctx.ts';
import { aCertificate, anId } from './records.ts';

/** A certificate as issuance leaves it in the database, without the work of issuing it. */
export async function storedIssuance(at: TestCtx, more: Partial<Certificate> = {}): Promise<Certificate> {
  return at.ctx.db.transaction(trx => storeIssuance(at, trx, more));
}

/** The same in a transaction of many. */
export async function storeIssuance({ ctx }: Pick<TestCtx, 'ctx'>, trx: Trx, more: Partial<Certificate> = {}): Promise<Certificate> {
  const now = ctx.now();
  const certificate = aCertificate({
    issuerId: ctx.authority.active.id,
    orderId: anId(),
    names: ['im.test'],
    notBefore: now,
    notAfter: now + 90 * 86400 - 1,
    committedAt: now,
    ...more,
  });
  const { serial, memberId } = certificate;
  await commitCertificate(trx, certificate, 30);
  await moveCertificate(trx, serial, 'issued', firstFence, { der: Buffer.from(serial, 'hex') });
  const subject = { serial, ...(memberId !== undefined && { member: memberId }) };
  await record({ ctx, trx, actor: clock, now }, { action: 'certificate.issued', subject });
  return certificate;
}

/** Figures of a report by their ids: what they are, and those beside them. */
export function figuresOf(report: Json): Record<string, [value: unknown, before: unknown, yearBefore: unknown]> {
  return Object.fromEntries(report.figures.map((f: Json) => [f.id, [f.value, f.before, f.yearBefore]]));
}
