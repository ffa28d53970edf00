import type { Certificate } from '../../model/certificate.ts';
import { pem, rfc3339 } from '../../model/encoding.ts';
import type { Event, EventData, EventType } from '../../model/event.ts';
import { readCertificate } from '../../pki/certificate.ts';
import { readValidity } from '../../pki/validity.ts';
import { findCertificates } from '../../store/certificates.ts';
import type { EventRecord } from '../../store/events.ts';
import { type IssuerRecord, listIssuers } from '../../store/issuers.ts';
import type { Db } from '../../store/open.ts';

/** What a record is about, beside what stands in it. */
interface About {
  record: EventRecord;
  subject: Record<string, string>;
  detail: Record<string, string>;
  certificate: Certificate | undefined;
  issuer: IssuerRecord | undefined;
  root: IssuerRecord | undefined;
}

type Tell = (about: About) => EventData;

const ofMember: Tell = ({ subject: { member = '' } }) => ({ member });

/** The mailbox of a proof stays here: it may be somebody's. */
const ofDomain: Tell = ({ subject: { member = '', proof = '' }, detail: { domain = '' } }) => ({ member, proof, domain });

const ofCertificate: Tell = ({ subject, certificate }) => ({
  ...(subject['member'] !== undefined && { member: subject['member'] }),
  ...(subject['account'] !== undefined && { account: subject['account'] }),
  serial: subject['serial'] ?? '',
  ...(certificate && {
    issuer: certificate.issuerId,
    profile: certificate.profile,
    names: certificate.names,
    notBefore: rfc3339(certificate.notBefore),
    notAfter: rfc3339(certificate.notAfter),
  }),
});

const issuance: Tell = about => ({
  ...ofCertificate(about),
  ...(about.certificate?.der && { certificate: pem('CERTIFICATE', about.certificate.der) }),
});

function ofIssuer({ subject, issuer, root }: About): EventData {
  if (!issuer) return { id: subject['issuer'] ?? '' };
  const { notBefore, notAfter } = readValidity(issuer.certificate);
  return {
    id: issuer.id,
    ...(root && { issuer: root.id }),
    serial: readCertificate(issuer.certificate).serial,
    notBefore: rfc3339(notBefore),
    notAfter: rfc3339(notAfter),
  };
}

const newIssuer: Tell = about => ({
  ...ofIssuer(about),
  ...(about.issuer && { certificate: pem('CERTIFICATE', about.issuer.certificate) }),
});

const tells: Record<EventType, Tell> = {
  'authority.created': newIssuer,
  'issuer.created': newIssuer,
  'issuer.revoked': about => ({ ...ofIssuer(about), reason: about.detail['reason'] ?? 'unspecified' }),
  'member.added': ofMember,
  'member.suspended': ofMember,
  'member.activated': ofMember,
  'member.left': ofMember,
  'domain.proved': ofDomain,
  'domain.revoked': ofDomain,
  'credential.issued': issuance,
  'certificate.issued': issuance,
  // Nobody has its bytes, and nobody shall trust them.
  'certificate.abandoned': about => ({ ...ofCertificate(about), reason: 'cessationOfOperation' }),
  'certificate.revoked': about => ({
    ...ofCertificate(about),
    reason: about.detail['reason'] ?? 'unspecified',
    ...(about.detail['by'] !== undefined && { by: about.detail['by'] }),
  }),
};

/** What these records tell, in their order. */
export async function eventsOf(db: Db, records: readonly EventRecord[]): Promise<Event[]> {
  const read = records.map(record => ({
    record,
    subject: JSON.parse(record.subject) as About['subject'],
    detail: JSON.parse(record.detail ?? '{}') as About['detail'],
  }));
  const serials = [...new Set(read.flatMap(({ subject: { serial } }) => serial ?? []))];
  const certificates = new Map((serials.length ? await findCertificates(db, serials) : []).map(c => [c.serial, c]));
  const issuers = read.some(({ record: { action } }) => /^(authority|issuer)\./.test(action)) ? await listIssuers(db) : [];
  const root = issuers.find(({ kind }) => kind === 'root');
  return read.map(({ record, subject, detail }) => {
    const certificate = certificates.get(subject['serial'] ?? '');
    const issuer = issuers.find(({ id }) => id === subject['issuer']);
    const data = tells[record.action]({ record, subject, detail, certificate, issuer, root });
    return { index: record.seal.index, type: record.action, time: record.at, data };
  });
}
