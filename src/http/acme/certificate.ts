import type { Ctx } from '../../ctx.ts';
import { parseSerial } from '../../model/certificate.ts';
import { pem } from '../../model/encoding.ts';
import { notFound } from '../../model/problem.ts';
import { findCertificate } from '../../store/certificates.ts';
import type { Reply } from '../reply.ts';
import { type Acme, type ByAccount, ownedBy, refusePayload } from './request.ts';

/** What may follow a leaf: the issuing CA alone, or the root too for software that wants the whole chain. */
function chains({ authority }: Ctx, issuerId: string): Uint8Array[][] {
  const issuer = authority.issuers.get(issuerId);
  return issuer ? [[issuer.certificate], [issuer.certificate, authority.root.certificate]] : [];
}

/** RFC 8555 §7.4.2: leaf first, PEM; the other chains by `Link: rel="alternate"`. */
export async function certificate(acme: Acme, request: ByAccount): Promise<Reply> {
  const { ctx, urls } = acme;
  refusePayload(request);
  const serial = parseSerial(request.params['serial'] ?? '') ?? '';
  const found = ownedBy(request.account, await findCertificate(ctx.db, serial), 'certificate');
  const all = chains(ctx, found.issuerId);
  const index = Number(request.params['alternate'] ?? 0);
  const chain = all[index];
  if (!found.der || !chain) throw notFound('certificate');
  const others = all.flatMap((_, i) => (i === index ? [] : [`<${urls.certificate(serial, i === 0 ? undefined : i)}>;rel="alternate"`]));
  return {
    status: 200,
    headers: { 'Content-Type': 'application/pem-certificate-chain', Link: others },
    body: [found.der, ...chain].map(der => pem('CERTIFICATE', der)).join(''),
  };
}
