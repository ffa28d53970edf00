import type { Certificate } from '../../src/model/certificate.ts';
import { findCertificate } from '../../src/store/certificates.ts';
import type { Db } from '../../src/store/open.ts';

/** What an order was issued, in whatever state it is. */
export async function findCertificateByOrder(db: Db, orderId: string): Promise<Certificate | undefined> {
  const r = await db('certificates').where({ order_id: orderId }).first('serial');
  return r && findCertificate(db, r.serial);
}
