import { context, contextConstructed, DerError, elements, readDer, readOid, tags } from './der.ts';
import { oids } from './oids.ts';

/** What a tls-alpn-01 certificate says (RFC 8737 §3). */
export interface AcmeTlsCertificate {
  /** dNSNames, lowercase; undefined where the SAN holds anything else. */
  dnsNames: string[] | undefined;
  /** The critical acmeIdentifier's digest; undefined where it is missing, not critical, or malformed. */
  digest: Uint8Array | undefined;
  selfIssued: boolean;
}

/** Never throws on a stranger's bytes: what cannot be read is undefined. */
export function readAcmeTlsCertificate(der: Uint8Array): AcmeTlsCertificate | undefined {
  try {
    const [tbs] = elements(readDer(der), tags.sequence);
    if (!tbs) return undefined;
    const members = elements(tbs, tags.sequence);
    const issuer = members[3];
    const subject = members[5];
    const wrapper = members.find(m => m.tag === contextConstructed(3));
    const list = wrapper && elements(wrapper)[0];
    const extensions = list ? elements(list, tags.sequence).map(e => elements(e, tags.sequence)) : [];
    const named = (id: string) => {
      const found = extensions.filter(parts => parts[0] && readOid(parts[0]) === id);
      return found.length === 1 ? found[0] : undefined;
    };
    const san = named(oids.subjectAltName)?.at(-1);
    const identifier = named(oids.acmeIdentifier);
    const value = identifier?.length === 3 && identifier[1]?.value[0] === 0xff ? identifier[2] : undefined;
    const digest = value && readDer(value.value);
    return {
      dnsNames: san && readDnsNames(san.value),
      digest: digest?.tag === tags.octetString ? digest.value : undefined,
      selfIssued: Buffer.from(issuer?.bytes ?? []).equals(subject?.bytes ?? new Uint8Array(1)),
    };
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}

function readDnsNames(der: Uint8Array): string[] | undefined {
  const names = elements(readDer(der), tags.sequence);
  if (names.some(n => n.tag !== context(2))) return undefined;
  return names.map(n => Buffer.from(n.value).toString('latin1').toLowerCase());
}
