import { X509Certificate } from 'node:crypto';
import { assemble, type CertificateSpec } from './certificate.ts';
import {
  context,
  contextConstructed,
  DerError,
  elements,
  readDer,
  readFlags,
  readOid,
  readTime,
  sequence,
  type Tlv,
  tags,
  unsigned,
} from './der.ts';
import type { ExtensionSpec, Policy } from './extensions.ts';
import type { AltName, Subject } from './names.ts';
import { type ExtKeyUsage, type KeyUsage, keyUsageBits, oids } from './oids.ts';

/** Bytes that must not be signed; the message lists every fault. */
export class LintError extends Error {}

/**
 * Reads the exact bytes that are about to be signed, with a parser that had no part in building them, and compares all that they say with
 * what was meant (RFC 5280 §4). Anything missing, added, doubled or changed is a fault.
 * @throws LintError
 */
export function lint(tbs: Uint8Array, meant: CertificateSpec): void {
  const faults: string[] = [];
  try {
    const said = readTbs(tbs, faults);
    compare(said, meant, faults);
    rules(meant, faults);
    secondOpinion(tbs, meant, faults);
  } catch (error) {
    faults.push(error instanceof DerError ? `not DER: ${error.message}` : String(error));
  }
  if (faults.length) throw new LintError(faults.join('; '));
}

type Facts = Omit<CertificateSpec, 'issuerName'> & { issuerName: Uint8Array; subjectName: Uint8Array };

type Eight = [Tlv, Tlv, Tlv, Tlv, Tlv, Tlv, Tlv, Tlv];

function readTbs(tbs: Uint8Array, faults: string[]): Facts {
  // Eight members: a unique identifier (§4.1.2.8) would be a ninth.
  const [version, serial, algorithm, issuer, validity, subject, spki, extensions] = members(readDer(tbs), tags.sequence, 8) as Eight;
  if (Buffer.from(unsigned(only(version, contextConstructed(0)))).toString('hex') !== '02') faults.push('the version is not 3');
  const [notBefore, notAfter] = members(validity, tags.sequence, 2) as [Tlv, Tlv];
  const list = only(extensions, contextConstructed(3));
  return {
    serial: unsigned(serial),
    signatureAlgorithm: algorithm.bytes,
    issuerName: issuer.bytes,
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    subject: readSubject(subject),
    subjectName: subject.bytes,
    spki: spki.bytes,
    ...readExtensions(elements(list, tags.sequence), faults),
  };
}

const attributes: Record<string, keyof Subject> = {
  [oids.commonName]: 'commonName',
  [oids.serialNumber]: 'serialNumber',
  [oids.organizationName]: 'organizationName',
};

function readSubject(name: Tlv): Subject {
  const subject: Subject = {};
  for (const set of elements(name, tags.sequence)) {
    const [type, value] = members(only(set, tags.set), tags.sequence, 2) as [Tlv, Tlv];
    const attribute = attributes[readOid(type)];
    if (!attribute || subject[attribute] !== undefined) throw new DerError('an attribute that is unknown or doubled');
    if (value.tag !== (attribute === 'serialNumber' ? tags.printableString : tags.utf8String))
      throw new DerError(`${attribute} of another string type`);
    subject[attribute] = Buffer.from(value.value).toString('utf8');
  }
  return subject;
}

/** RFC 5280 §4.2: which extensions are critical. */
const critical = new Set<string>([oids.basicConstraints, oids.keyUsage]);

function readExtensions(list: Tlv[], faults: string[]): ExtensionSpec {
  const spec: ExtensionSpec = { keyUsage: [], subjectKeyId: new Uint8Array() };
  const seen = new Set<string>();
  for (const extension of list) {
    const parts = members(extension, tags.sequence, 2, 3);
    const id = readOid(parts[0] ?? fail('an extension without a type'));
    const flag = parts.length === 3 ? parts[1] : undefined;
    const value = contents(parts.at(-1) ?? extension, tags.octetString);
    // DEFAULT FALSE: a flag that is present is TRUE.
    if (flag && !isTrue(flag)) throw new DerError(`the extension ${id} is malformed`);
    if (seen.has(id)) faults.push(`the extension ${id} stands twice`);
    seen.add(id);
    if (critical.has(id) !== (flag !== undefined)) faults.push(`the extension ${id} has the wrong criticality`);
    readExtension(id, readDer(value), spec, faults);
  }
  return spec;
}

function readExtension(id: string, value: Tlv, spec: ExtensionSpec, faults: string[]): void {
  switch (id) {
    case oids.basicConstraints:
      spec.basicConstraints = readBasicConstraints(value);
      break;
    case oids.keyUsage:
      spec.keyUsage = readFlags(value).map(
        bit => (Object.keys(keyUsageBits) as KeyUsage[]).find(k => keyUsageBits[k] === bit) ?? fail(`key usage bit ${bit}`),
      );
      break;
    case oids.extKeyUsage:
      spec.extKeyUsage = elements(value, tags.sequence).map(p => purposes[readOid(p)] ?? fail('an unknown purpose'));
      break;
    case oids.subjectKeyIdentifier:
      spec.subjectKeyId = contents(value, tags.octetString);
      break;
    case oids.authorityKeyIdentifier:
      spec.authorityKeyId = contents(only(value, tags.sequence), context(0));
      break;
    case oids.subjectAltName:
      spec.altNames = elements(value, tags.sequence).map(readAltName);
      break;
    case oids.certificatePolicies:
      spec.policies = elements(value, tags.sequence).map(readPolicy);
      break;
    case oids.authorityInfoAccess:
      readAccess(value, spec);
      break;
    case oids.cRLDistributionPoints:
      spec.crlUrl = readDistributionPoint(value);
      break;
    case oids.noRevAvail:
      spec.noRevAvail = contents(value, tags.null).length === 0;
      break;
    case oids.ocspNoCheck:
      spec.ocspNoCheck = contents(value, tags.null).length === 0;
      break;
    default:
      faults.push(`the extension ${id} was not asked for`);
  }
}

const purposes: Record<string, ExtKeyUsage> = {
  [oids.serverAuth]: 'serverAuth',
  [oids.clientAuth]: 'clientAuth',
  [oids.OCSPSigning]: 'OCSPSigning',
};

function fail(what: string): never {
  throw new DerError(what);
}

/** The members of a constructed element: so many, and none besides. */
function members(value: Tlv, tag: number, least: number, most = least): Tlv[] {
  const list = elements(value, tag);
  if (list.length < least || list.length > most) throw new DerError(`${list.length} members where ${least} are due`);
  return list;
}

/** The single member of a constructed element. */
function only(value: Tlv, tag: number): Tlv {
  return members(value, tag, 1)[0] as Tlv;
}

/** BOOLEAN TRUE in its one encoding (X.690 §11.1). */
const isTrue = ({ tag, value }: Tlv): boolean => tag === tags.boolean && value.length === 1 && value[0] === 0xff;

function contents(value: Tlv, tag: number): Uint8Array {
  if (value.tag !== tag) throw new DerError(`tag ${value.tag.toString(16)} where ${tag.toString(16)} is due`);
  return value.value;
}

const text = (value: Tlv, tag: number): string => Buffer.from(contents(value, tag)).toString('utf8');

function readBasicConstraints(value: Tlv): { pathLength?: number } {
  const [ca, pathLength] = members(value, tags.sequence, 1, 2);
  if (!ca || !isTrue(ca)) throw new DerError('basic constraints of no authority');
  if (!pathLength) return {};
  const [length, more] = unsigned(pathLength);
  return { pathLength: more === undefined && length !== undefined ? length : fail('a path length above 255') };
}

function readAltName(name: Tlv): AltName {
  if (name.tag === context(2)) return { kind: 'dns', value: text(name, context(2)) };
  if (name.tag === context(7)) return { kind: 'ip', value: readAddress(name.value) };
  const [type, wrapper] = members(name, contextConstructed(0), 2) as [Tlv, Tlv];
  const value = only(wrapper, contextConstructed(0));
  const kind = readOid(type);
  if (kind === oids.dnsSRV) return { kind: 'srv', value: text(value, tags.ia5String) };
  if (kind === oids.xmppAddr) return { kind: 'xmppAddr', value: text(value, tags.utf8String) };
  throw new DerError('an unknown kind of name');
}

/** As URLs write it: IPv6 in its shortest form. */
function readAddress(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join('.');
  if (octets.length !== 16) throw new DerError(`an address of ${octets.length} octets`);
  const groups = Buffer.from(octets).toString('hex').match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** One qualifier at most: the pointer to the practice statement. */
function readPolicy(policy: Tlv): Policy {
  const [id, qualifiers] = members(policy, tags.sequence, 1, 2) as [Tlv, Tlv?];
  if (!qualifiers) return { id: readOid(id) };
  const [type, url] = members(only(qualifiers, tags.sequence), tags.sequence, 2) as [Tlv, Tlv];
  if (readOid(type) !== oids.cps) throw new DerError('an unknown policy qualifier');
  return { id: readOid(id), cps: text(url, tags.ia5String) };
}

function readAccess(value: Tlv, spec: ExtensionSpec): void {
  for (const description of elements(value, tags.sequence)) {
    const [method, location] = members(description, tags.sequence, 2) as [Tlv, Tlv];
    const id = readOid(method);
    const url = text(location, context(6));
    if (id === oids.ocsp && url && spec.ocspUrl === undefined) spec.ocspUrl = url;
    else if (id === oids.caIssuers && url && spec.issuerUrl === undefined) spec.issuerUrl = url;
    else throw new DerError('an access description that is unknown or doubled');
  }
}

/** DistributionPointName ::= [0] { fullName [0] GeneralNames }. */
function readDistributionPoint(value: Tlv): string {
  const point = only(only(value, tags.sequence), tags.sequence);
  const fullName = only(point, contextConstructed(0));
  return text(only(fullName, contextConstructed(0)), context(6));
}

function compare(said: Facts, meant: CertificateSpec, faults: string[]): void {
  const expected: Record<string, unknown> = { ...meant, issuerName: meant.issuerName ?? said.subjectName };
  const { subjectName, ...actual } = said;
  if (subjectName.length <= 2) faults.push('the subject is empty');
  for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    const [a, b] = [plain((actual as Record<string, unknown>)[key]), plain(expected[key])];
    if (a !== b) faults.push(`${key} is ${a}, not ${b}`);
  }
}

/** A comparable text; an empty list is no list. */
function plain(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value) && value.length === 0) return 'nothing';
  return value === undefined || value === false ? 'nothing' : JSON.stringify(value);
}

/** What no certificate of ours may break, whatever was meant. */
function rules(meant: CertificateSpec, faults: string[]): void {
  const { serial, notBefore, notAfter } = meant;
  if (serial.length > 20 || serial.length === 0 || (serial[0] ?? 0) === 0 || (serial[0] ?? 0) > 127)
    faults.push('the serial number is not positive and of 20 octets at most');
  if (!Number.isInteger(notBefore) || !Number.isInteger(notAfter) || notBefore >= notAfter)
    faults.push('the validity is not a span of whole seconds');
  checkPolicies(meant, faults);
  if (meant.basicConstraints) {
    if (meant.altNames?.length) faults.push('an authority has no host names');
    return;
  }
  if (meant.keyUsage.includes('keyCertSign') || meant.keyUsage.includes('cRLSign')) faults.push('a leaf signs no certificates and no CRLs');
  if (meant.ocspNoCheck) return;
  const names = meant.altNames ?? [];
  if (!names.some(n => n.kind === 'dns')) faults.push('a leaf has a dNSName');
  if (new Set(names.map(n => `${n.kind}:${n.value}`)).size !== names.length) faults.push('a name stands twice');
  for (const name of names) if (!nameForm[name.kind].test(name.value)) faults.push(`${name.kind} "${name.value}" has another form`);
  const cn = meant.subject.commonName;
  if (cn !== undefined && (cn.length > 64 || !names.some(n => n.value === cn)))
    faults.push('the common name is none of the names, or too long');
  if (meant.noRevAvail ? meant.crlUrl || meant.ocspUrl : !meant.crlUrl || !meant.ocspUrl)
    faults.push('a leaf has CRL and OCSP, or noRevAvail and neither (RFC 9608 §3)');
}

/** RFC 5280 §4.2.1.4. */
function checkPolicies({ policies = [] }: CertificateSpec, faults: string[]): void {
  if (new Set(policies.map(p => p.id)).size !== policies.length) faults.push('a policy stands twice');
  for (const { cps } of policies)
    if (cps !== undefined && !/^https?:\/\/[\x21-\x7e]+$/.test(cps)) faults.push(`the practice statement's URL "${cps}" has another form`);
}

const nameForm: Record<AltName['kind'], RegExp> = {
  dns: /^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/,
  srv: /^_xmpp-(client|server)\.[a-z0-9][a-z0-9.-]*[a-z0-9]$/,
  xmppAddr: /^[^\p{C}\p{Z}@/]+$/u,
  ip: /^(\d+(\.\d+){3}|[0-9a-f]*:[0-9a-f:]+)$/,
};

/** OpenSSL must be able to read it too: under a signature of zeros, since the real key has not touched it. */
function secondOpinion(tbs: Uint8Array, meant: CertificateSpec, faults: string[]): void {
  const placeholder = sequence(Uint8Array.from([2, 1, 1]), Uint8Array.from([2, 1, 1]));
  const certificate = new X509Certificate(assemble(tbs, meant.signatureAlgorithm, placeholder));
  if (certificate.ca !== (meant.basicConstraints !== undefined)) faults.push('OpenSSL disagrees on whether it is an authority');
  const spki = certificate.publicKey.export({ format: 'der', type: 'spki' });
  if (!spki.equals(Buffer.from(meant.spki))) faults.push('OpenSSL reads another public key');
}
