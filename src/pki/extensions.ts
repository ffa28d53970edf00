import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { type AltName, encodeAltNames } from './names.ts';
import { type ExtKeyUsage, type KeyUsage, keyUsageBits, oids } from './oids.ts';

/** What the extensions of a certificate say; a member that is absent stands for an extension that is. */
export interface ExtensionSpec {
  basicConstraints?: { pathLength?: number };
  keyUsage: readonly KeyUsage[];
  extKeyUsage?: readonly ExtKeyUsage[];
  subjectKeyId: Uint8Array;
  /** Absent in a self-signed certificate. */
  authorityKeyId?: Uint8Array;
  altNames?: readonly AltName[];
  policies?: readonly string[];
  crlUrl?: string;
  ocspUrl?: string;
  issuerUrl?: string;
  /** RFC 9608 */
  noRevAvail?: boolean;
  /** RFC 6960 §4.2.2.2.1 */
  ocspNoCheck?: boolean;
}

/** RFC 5280 §4.2, with the criticality that it asks for. */
export function encodeExtensions(spec: ExtensionSpec): pkijs.Extension[] {
  const list: pkijs.Extension[] = [];
  const add = (extnID: string, critical: boolean, value: asn1js.BaseBlock | ArrayBuffer) =>
    list.push(new pkijs.Extension({ extnID, critical, extnValue: value instanceof ArrayBuffer ? value : value.toBER() }));

  if (spec.basicConstraints) add(oids.basicConstraints, true, basicConstraints(spec.basicConstraints.pathLength));
  add(oids.keyUsage, true, keyUsage(spec.keyUsage));
  if (spec.extKeyUsage) add(oids.extKeyUsage, false, new pkijs.ExtKeyUsage({ keyPurposes: spec.extKeyUsage.map(p => oids[p]) }).toSchema());
  add(oids.subjectKeyIdentifier, false, new asn1js.OctetString({ valueHex: Uint8Array.from(spec.subjectKeyId) }));
  if (spec.authorityKeyId) add(oids.authorityKeyIdentifier, false, authorityKeyIdentifier(spec.authorityKeyId));
  if (spec.altNames?.length) add(oids.subjectAltName, false, encodeAltNames(spec.altNames));
  if (spec.policies?.length) add(oids.certificatePolicies, false, policies(spec.policies));
  if (spec.ocspUrl || spec.issuerUrl) add(oids.authorityInfoAccess, false, access(spec.ocspUrl, spec.issuerUrl));
  if (spec.crlUrl) add(oids.cRLDistributionPoints, false, distributionPoint(spec.crlUrl));
  if (spec.noRevAvail) add(oids.noRevAvail, false, new asn1js.Null());
  if (spec.ocspNoCheck) add(oids.ocspNoCheck, false, new asn1js.Null());
  return list;
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

function policies(list: readonly string[]): asn1js.BaseBlock {
  return new pkijs.CertificatePolicies({
    certificatePolicies: list.map(policyIdentifier => new pkijs.PolicyInformation({ policyIdentifier })),
  }).toSchema();
}

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
