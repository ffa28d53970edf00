import { verify } from 'node:crypto';
import { Problem } from '../model/problem.ts';
import { contextConstructed, DerError, elements, readBits, readDer, readOid, type Tlv, tags, unsigned } from './der.ts';
import { oids } from './oids.ts';
import { checkLeafKey, type PublicKeyFacts, UnfitKey } from './public-key.ts';
import { commonNames, readGeneralName } from './read-names.ts';

/** What a certification request (RFC 2986) asks for. Extensions other than the names are ignored. */
export interface CsrFacts {
  publicKey: PublicKeyFacts;
  /** Lowercase, from the SAN's dNSNames and the subject's common names. */
  dnsNames: string[];
  srvNames: string[];
  xmppAddrs: string[];
}

/** Of which keys, and over which hash. */
const signatures: Record<string, [kind: PublicKeyFacts['kind'], hash: string]> = {
  [oids.sha256WithRSAEncryption]: ['RSA', 'sha256'],
  [oids.sha384WithRSAEncryption]: ['RSA', 'sha384'],
  [oids.sha512WithRSAEncryption]: ['RSA', 'sha512'],
  [oids.ecdsaWithSHA256]: ['EC', 'sha256'],
  [oids.ecdsaWithSHA384]: ['EC', 'sha384'],
  [oids.ecdsaWithSHA512]: ['EC', 'sha512'],
};

const badCsr = (detail: string) => new Problem('badCSR', detail);

/** CertificationRequest (RFC 2986 §4), taken apart. */
interface Parts {
  /** The exact bytes that were signed. */
  info: Uint8Array;
  subject: Tlv;
  spki: Uint8Array;
  /** Some software leaves out an empty set of them. */
  attributes: Tlv | undefined;
  algorithm: string;
  signature: Tlv;
}

/**
 * Reads a DER request and checks its own signature and its key.
 * @throws Problem badCSR
 */
export function readCsr(der: Uint8Array, weakKeys: ReadonlySet<string>): CsrFacts {
  const parts = parse(der);
  const publicKey = readKey(parts.spki, weakKeys);
  verifySignature(parts, publicKey);
  return { publicKey, ...readNames(parts) };
}

function parse(der: Uint8Array): Parts {
  try {
    const [info, algorithm, signature] = elements(readDer(der), tags.sequence);
    const [version, subject, spki, attributes] = info ? elements(info, tags.sequence) : [];
    const [type] = algorithm ? elements(algorithm, tags.sequence) : [];
    if (!info || !type || !signature || !version || !subject || !spki) throw new DerError('truncated');
    unsigned(version);
    return { info: info.bytes, subject, spki: spki.bytes, attributes, algorithm: readOid(type), signature };
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw badCsr(`The CSR cannot be parsed (${error.message}): send the DER of a PKCS #10 request (RFC 2986), not PEM, as base64url.`);
  }
}

function readKey(spki: Uint8Array, weakKeys: ReadonlySet<string>): PublicKeyFacts {
  try {
    return checkLeafKey(spki, weakKeys);
  } catch (error) {
    if (error instanceof UnfitKey) throw badCsr(`The CSR's key is not accepted: ${error.message}.`);
    throw badCsr('The CSR has no public key that can be read.');
  }
}

function verifySignature({ info, algorithm, signature }: Parts, publicKey: PublicKeyFacts): void {
  const [kind, hash] = signatures[algorithm] ?? [];
  if (!hash)
    throw badCsr(`The CSR is signed with the algorithm ${algorithm}; use ECDSA or RSA (PKCS #1) with SHA-256, SHA-384 or SHA-512.`);
  let valid = false;
  try {
    valid = kind === publicKey.kind && verify(hash, info, publicKey.key, readBits(signature));
  } catch {
    // A signature that cannot even be parsed is a wrong one.
  }
  if (!valid) throw badCsr("The CSR's signature does not verify with the CSR's own key.");
}

function readNames({ subject, attributes }: Parts): Pick<CsrFacts, 'dnsNames' | 'srvNames' | 'xmppAddrs'> {
  const dns = new Set(readPart('subject', () => commonNames(subject)).map(name => name.toLowerCase()));
  const srv = new Set<string>();
  const xmpp = new Set<string>();
  const requested = readPart('extension request', () => (attributes ? requestedAltNames(attributes) : []));
  for (const extension of requested)
    for (const name of readPart('subjectAltName', () => elements(readDer(extension), tags.sequence)))
      readPart('subjectAltName', () => addAltName(name, dns, srv, xmpp));
  return { dnsNames: [...dns], srvNames: [...srv], xmppAddrs: [...xmpp] };
}

/** @throws Problem that names the part of the request that is broken */
function readPart<T>(part: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof DerError) throw badCsr(`The CSR's ${part} cannot be parsed (${error.message}).`);
    throw error;
  }
}

/** The values of the subjectAltName extensions asked for (RFC 2985 §5.4.2). */
function requestedAltNames(attributes: Tlv): Uint8Array[] {
  const requests = elements(attributes, contextConstructed(0)).flatMap(attribute => {
    const [type, values] = elements(attribute, tags.sequence);
    return type && values && readOid(type) === oids.extensionRequest ? elements(values, tags.set) : [];
  });
  const extensions = requests.flatMap(request => elements(request, tags.sequence)).map(extension => elements(extension, tags.sequence));
  return extensions.flatMap(([type, ...rest]) => {
    const value = rest.at(-1);
    if (!type || value?.tag !== tags.octetString) throw new DerError('an extension without a value');
    return readOid(type) === oids.subjectAltName ? [value.value] : [];
  });
}

function addAltName(name: Tlv, dns: Set<string>, srv: Set<string>, xmpp: Set<string>): void {
  const read = readGeneralName(name);
  if (!read)
    throw badCsr(
      'The CSR asks for a name that is neither a dNSName nor one of XMPP (SRVName, XmppAddr); leave IP addresses, mail addresses and URIs out.',
    );
  switch (read.kind) {
    case 'dns':
      dns.add(read.value.toLowerCase());
      return;
    case 'srv':
      srv.add(read.value.toLowerCase());
      return;
    case 'xmppAddr':
      xmpp.add(read.value);
      return;
    case 'other':
      throw badCsr(`The CSR asks for an otherName of type ${read.type}; only SRVName and XmppAddr are known here.`);
  }
}
