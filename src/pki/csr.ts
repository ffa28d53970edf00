import { verify } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import './engine.ts';
import { Problem } from '../model/problem.ts';
import { context, contextConstructed, DerError, elements, readDer, readOid, type Tlv, tags } from './der.ts';
import { oids } from './oids.ts';
import { checkLeafKey, type PublicKeyFacts, UnfitKey } from './public-key.ts';

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

/**
 * Reads a DER request and checks its own signature and its key.
 * @throws Problem badCSR
 */
export function readCsr(der: Uint8Array, weakKeys: ReadonlySet<string>): CsrFacts {
  const request = parse(der);
  const publicKey = readKey(request, weakKeys);
  verifySignature(der, request, publicKey);
  return { publicKey, ...readNames(request) };
}

function parse(der: Uint8Array): pkijs.CertificationRequest {
  try {
    const { offset, result } = asn1js.fromBER(Uint8Array.from(der), { maxNodes: 4000, maxDepth: 30 });
    if (offset !== der.length) throw badCsr('The CSR is no DER, or bytes follow it.');
    return new pkijs.CertificationRequest({ schema: result });
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw badCsr('The CSR cannot be parsed: send the DER of a PKCS #10 request (RFC 2986), not PEM, as base64url.');
  }
}

function readKey(request: pkijs.CertificationRequest, weakKeys: ReadonlySet<string>): PublicKeyFacts {
  try {
    return checkLeafKey(new Uint8Array(request.subjectPublicKeyInfo.toSchema().toBER()), weakKeys);
  } catch (error) {
    if (error instanceof UnfitKey) throw badCsr(`The CSR's key is not accepted: ${error.message}.`);
    throw badCsr('The CSR has no public key that can be read.');
  }
}

/** Over the exact bytes that were signed. */
function verifySignature(der: Uint8Array, request: pkijs.CertificationRequest, publicKey: PublicKeyFacts): void {
  const [kind, hash] = signatures[request.signatureAlgorithm.algorithmId] ?? [];
  if (!hash)
    throw badCsr(
      `The CSR is signed with the algorithm ${request.signatureAlgorithm.algorithmId}; use ECDSA or RSA (PKCS #1) with SHA-256, SHA-384 or SHA-512.`,
    );
  let valid = false;
  try {
    const [info] = elements(readDer(der), tags.sequence);
    valid =
      info !== undefined &&
      kind === publicKey.kind &&
      verify(hash, info.bytes, publicKey.key, request.signatureValue.valueBlock.valueHexView);
  } catch {
    // A signature that cannot even be parsed is a wrong one.
  }
  if (!valid) throw badCsr("The CSR's signature does not verify with the CSR's own key.");
}

function readNames(request: pkijs.CertificationRequest): Pick<CsrFacts, 'dnsNames' | 'srvNames' | 'xmppAddrs'> {
  const dns = new Set<string>();
  const srv = new Set<string>();
  const xmpp = new Set<string>();
  for (const { type, value } of request.subject.typesAndValues)
    if (type === oids.commonName) dns.add(String(value.valueBlock.value).toLowerCase());
  for (const extension of requestedExtensions(request)) {
    if (extension.extnID !== oids.subjectAltName) continue;
    try {
      for (const name of elements(readDer(extension.extnValue.valueBlock.valueHexView), tags.sequence)) addAltName(name, dns, srv, xmpp);
    } catch (error) {
      if (error instanceof DerError) throw badCsr(`The CSR's subjectAltName cannot be parsed (${error.message}).`);
      throw error;
    }
  }
  return { dnsNames: [...dns], srvNames: [...srv], xmppAddrs: [...xmpp] };
}

function requestedExtensions(request: pkijs.CertificationRequest): pkijs.Extension[] {
  const values = (request.attributes ?? []).filter(a => a.type === oids.extensionRequest).flatMap(a => a.values as asn1js.AsnType[]);
  try {
    return values.flatMap(schema => new pkijs.Extensions({ schema }).extensions);
  } catch {
    throw badCsr("The CSR's extension request cannot be parsed.");
  }
}

function addAltName(name: Tlv, dns: Set<string>, srv: Set<string>, xmpp: Set<string>): void {
  if (name.tag === context(2)) {
    dns.add(Buffer.from(name.value).toString('latin1').toLowerCase());
    return;
  }
  if (name.tag !== contextConstructed(0))
    throw badCsr(
      'The CSR asks for a name that is neither a dNSName nor one of XMPP (SRVName, XmppAddr); leave IP addresses, mail addresses and URIs out.',
    );
  const [type, wrapper] = elements(name);
  const value = wrapper && elements(wrapper, contextConstructed(0))[0];
  if (!type || !value) throw badCsr('The CSR holds an otherName that cannot be parsed.');
  const text = Buffer.from(value.value).toString('utf8');
  const kind = readOid(type);
  if (kind === oids.dnsSRV && value.tag === tags.ia5String) srv.add(text.toLowerCase());
  else if (kind === oids.xmppAddr && value.tag === tags.utf8String) xmpp.add(text);
  else throw badCsr(`The CSR asks for an otherName of type ${kind}; only SRVName and XmppAddr are known here.`);
}
