import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import './engine.ts';
import { asciiString, octetString, oid, sequence, tags, tlv } from './der.ts';
import { type AltName, encodeAltNames } from './names.ts';
import { type ExtKeyUsage, type KeyUsage, keyUsageBits, oids } from './oids.ts';

/** PolicyInformation. */
export interface Policy {
  id: string;
  /** URL of the practice statement, in ASCII: the qualifier id-qt-cps. */
  cps?: string;
}

/** What the extensions of a certificate say; a member that is absent stands for an extension that is. */
export interface ExtensionSpec {
  basicConstraints?: { pathLength?: number };
  keyUsage: readonly KeyUsage[];
  extKeyUsage?: readonly ExtKeyUsage[];
  subjectKeyId: Uint8Array;
  /** Absent in a self-signed certificate. */
  authorityKeyId?: Uint8Array;
  altNames?: readonly AltName[];
  policies?: readonly Policy[];
  crlUrl?: string;
  ocspUrl?: string;
  issuerUrl?: string;
  /** RFC 9608 */
  noRevAvail?: boolean;
  /** RFC 6960 §4.2.2.2.1 */
  ocspNoCheck?: boolean;
}

/** DER Extensions, RFC 5280 §4.2, with the criticality that it asks for. */
export function encodeExtensions(spec: ExtensionSpec): Uint8Array {
  const list: Uint8Array[] = [];
  const add = (id: string, critical: boolean, value: ArrayBuffer | Uint8Array) =>
    list.push(sequence(oid(id), ...(critical ? [isTrue] : []), octetString(value instanceof Uint8Array ? value : new Uint8Array(value))));
  /** Of what is the same in every certificate of an issuer. */
  const addKnown = (id: string, critical: boolean, said: unknown, make: () => asn1js.BaseBlock) =>
    add(id, critical, known(`${id} ${said}`, make));
  const { basicConstraints: constraints, extKeyUsage, authorityKeyId, altNames, policies, ocspUrl, issuerUrl, crlUrl } = spec;

  if (constraints) add(oids.basicConstraints, true, basicConstraints(constraints.pathLength).toBER());
  addKnown(oids.keyUsage, true, spec.keyUsage, () => keyUsage(spec.keyUsage));
  if (extKeyUsage)
    addKnown(oids.extKeyUsage, false, extKeyUsage, () => new pkijs.ExtKeyUsage({ keyPurposes: extKeyUsage.map(p => oids[p]) }).toSchema());
  add(oids.subjectKeyIdentifier, false, new asn1js.OctetString({ valueHex: Uint8Array.from(spec.subjectKeyId) }).toBER());
  if (authorityKeyId) addKnown(oids.authorityKeyIdentifier, false, authorityKeyId, () => authorityKeyIdentifier(authorityKeyId));
  if (altNames?.length) add(oids.subjectAltName, false, encodeAltNames(altNames));
  if (policies?.length) add(oids.certificatePolicies, false, encodePolicies(policies));
  if (ocspUrl || issuerUrl) addKnown(oids.authorityInfoAccess, false, [ocspUrl, issuerUrl], () => access(ocspUrl, issuerUrl));
  if (crlUrl) addKnown(oids.cRLDistributionPoints, false, crlUrl, () => distributionPoint(crlUrl));
  if (spec.noRevAvail) add(oids.noRevAvail, false, new asn1js.Null().toBER());
  if (spec.ocspNoCheck) add(oids.ocspNoCheck, false, new asn1js.Null().toBER());
  return sequence(...list);
}

const isTrue = tlv(tags.boolean, Uint8Array.of(0xff));

/** DER of extension values that come again and again: few, since configuration and issuers are few. */
const values = new Map<string, ArrayBuffer>();
const mostValues = 1000;

function known(key: string, make: () => asn1js.BaseBlock): ArrayBuffer {
  const found = values.get(key);
  if (found) return found;
  if (values.size >= mostValues) values.clear();
  const value = make().toBER();
  values.set(key, value);
  return value;
}

function basicConstraints(pathLength: number | undefined): asn1js.BaseBlock {
  return new pkijs.BasicConstraints({ cA: true, ...(pathLength !== undefined && { pathLenConstraint: pathLength }) }).toSchema();
}

function keyUsage(usages: readonly KeyUsage[]): asn1js.BitString {
  let octet = 0;
  for (const usage of usages) octet |= 0x80 >> keyUsageBits[usage];
  return new asn1js.BitString({ valueHex: Uint8Array.of(octet), unusedBits: 31 - Math.clz32(octet & -octet) });
}

function authorityKeyIdentifier(id: Uint8Array): asn1js.BaseBlock {
  return new pkijs.AuthorityKeyIdentifier({ keyIdentifier: new asn1js.OctetString({ valueHex: Uint8Array.from(id) }) }).toSchema();
}

/** RFC 5280 §4.2.1.4. */
function encodePolicies(policies: readonly Policy[]): Uint8Array {
  return sequence(...policies.map(({ id, cps }) => sequence(oid(id), ...(cps === undefined ? [] : [sequence(cpsQualifier(cps))]))));
}

const cpsQualifier = (url: string): Uint8Array => sequence(oid(oids.cps), asciiString(tags.ia5String, url));

const uri = (value: string) => new pkijs.GeneralName({ type: 6, value });

function access(ocspUrl: string | undefined, issuerUrl: string | undefined): asn1js.BaseBlock {
  const accessDescriptions = [
    ...(ocspUrl ? [new pkijs.AccessDescription({ accessMethod: oids.ocsp, accessLocation: uri(ocspUrl) })] : []),
    ...(issuerUrl ? [new pkijs.AccessDescription({ accessMethod: oids.caIssuers, accessLocation: uri(issuerUrl) })] : []),
  ];
  return new pkijs.InfoAccess({ accessDescriptions }).toSchema();
}

function distributionPoint(url: string): asn1js.BaseBlock {
  return new pkijs.CRLDistributionPoints({
    distributionPoints: [new pkijs.DistributionPoint({ distributionPoint: [uri(url)] })],
  }).toSchema();
}
