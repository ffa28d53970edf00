import { type RevocationReason, revocationReasons } from '../model/certificate.ts';
import { signTbs } from './certificate.ts';
import { asciiString, context, contextConstructed, integer, octetString, oid, sequence, smallInteger, tags, time, tlv } from './der.ts';
import { keyIdentifier, type Signer } from './keys.ts';
import { oids } from './oids.ts';

export interface CrlEntry {
  /** Hex of the value. */
  serial: string;
  revokedAt: number;
  reason: RevocationReason;
}

export interface CrlSpec {
  /** DER Name. */
  issuerName: Uint8Array;
  number: number;
  thisUpdate: number;
  nextUpdate: number;
  entries: Iterable<CrlEntry> | AsyncIterable<CrlEntry>;
  /** URL of the shard that this CRL is (RFC 5280 §5.2.5); absent: the CRL is of all certificates of its issuer. */
  distributionPoint?: string;
}

/** A CRL, version 2 (RFC 5280 §5): CRL number, AKI, reason codes. Written as bytes while the entries come, not as a tree of objects. */
export async function signCrl(spec: CrlSpec, signer: Signer): Promise<Uint8Array> {
  const entries = await encodeEntries(spec.entries);
  const tbs = sequence(
    smallInteger(1),
    signer.algorithm,
    spec.issuerName,
    time(spec.thisUpdate),
    time(spec.nextUpdate),
    // §5.1.2.6: absent where nothing is revoked.
    ...(entries.length ? [sequence(entries)] : []),
    tlv(
      contextConstructed(0),
      sequence(
        extension(oids.authorityKeyIdentifier, sequence(tlv(context(0), keyIdentifier(signer.spki)))),
        extension(oids.cRLNumber, smallInteger(spec.number)),
        ...(spec.distributionPoint === undefined ? [] : [issuingDistributionPoint(spec.distributionPoint)]),
      ),
    ),
  );
  return signTbs(tbs, signer);
}

const extension = (id: string, value: Uint8Array) => sequence(oid(id), octetString(value));

/** §5.2.5: critical; the same name as in the certificates' distribution point. */
function issuingDistributionPoint(url: string): Uint8Array {
  const name = tlv(contextConstructed(0), tlv(contextConstructed(0), asciiString(context(6), url)));
  return sequence(oid(oids.issuingDistributionPoint), tlv(tags.boolean, Uint8Array.of(0xff)), octetString(sequence(name)));
}

/** More than any entry takes: a serial number of 20 octets, a time, a reason. */
const longestEntry = 64;

/** One buffer that doubles: a million entries are 40 MB, and as objects would be ten times that. */
async function encodeEntries(entries: CrlSpec['entries']): Promise<Uint8Array> {
  const encode = entryEncoder();
  let buffer = Buffer.allocUnsafe(64 * 1024);
  let length = 0;
  for await (const entry of entries) {
    if (length + longestEntry > buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
    const bytes = encode(entry);
    buffer.set(bytes, length);
    length += bytes.length;
  }
  return buffer.subarray(0, length);
}

/** §5.3.1: the reason `unspecified` is said by leaving the extension out. Many entries in a row are of one time. */
function entryEncoder(): (entry: CrlEntry) => Uint8Array {
  const reasons = new Map<RevocationReason, Uint8Array>();
  let at: { seconds: number; bytes: Uint8Array } = { seconds: -1, bytes: new Uint8Array() };
  return ({ serial, revokedAt, reason }) => {
    if (at.seconds !== revokedAt) at = { seconds: revokedAt, bytes: time(revokedAt) };
    const said = reasons.get(reason) ?? reasonBytes(reason);
    reasons.set(reason, said);
    return sequence(integer(Buffer.from(serial, 'hex')), at.bytes, said);
  };
}

function reasonBytes(reason: RevocationReason): Uint8Array {
  const number = revocationReasons[reason];
  return number ? sequence(extension(oids.reasonCode, tlv(tags.enumerated, Uint8Array.of(number)))) : new Uint8Array();
}
