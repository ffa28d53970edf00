import { domainToASCII } from 'node:url';
import { context, contextConstructed, DerError, elements, readDer, readOid, type Tlv, tags } from './der.ts';
import { oids } from './oids.ts';

/*
 * Names as others write them: in requests, and in certificates whoever has signed them.
 */

/** DirectoryString and what else was ever used for one (RFC 5280 §4.1.2.4). */
const encodings: Record<number, (value: Buffer) => string> = {
  [tags.utf8String]: value => value.toString('utf8'),
  [tags.printableString]: value => value.toString('latin1'),
  [tags.ia5String]: value => value.toString('latin1'),
  [tags.teletexString]: value => value.toString('latin1'),
  [tags.bmpString]: value =>
    Buffer.from(value.subarray(0, value.length & ~1))
      .swap16()
      .toString('utf16le'),
};

/** Of a subject, whatever text they are. @throws DerError */
export function commonNames(subject: Tlv): string[] {
  const attributes = elements(subject, tags.sequence).flatMap(set => elements(set, tags.set));
  return attributes.flatMap(attribute => {
    const [type, value] = elements(attribute, tags.sequence);
    if (!type || !value || readOid(type) !== oids.commonName) return [];
    const decode = encodings[value.tag];
    if (!decode) throw new DerError('a common name that is no text');
    return decode(Buffer.from(value.value));
  });
}

/** A GeneralName as it is written (RFC 5280 §4.2.1.6): those of XMPP, and what `type` another otherName is of. */
export type ReadName =
  | { kind: 'dns'; value: string }
  | { kind: 'srv'; value: string }
  | { kind: 'xmppAddr'; value: string }
  | { kind: 'other'; type: string };

/** @returns undefined for what is neither a dNSName nor an otherName @throws DerError */
export function readGeneralName(name: Tlv): ReadName | undefined {
  if (name.tag === context(2)) return { kind: 'dns', value: Buffer.from(name.value).toString('latin1') };
  if (name.tag !== contextConstructed(0)) return undefined;
  const [id, wrapper] = elements(name);
  const value = wrapper && elements(wrapper, contextConstructed(0))[0];
  if (!id || !value) throw new DerError('an otherName without type or value');
  const type = readOid(id);
  const text = Buffer.from(value.value).toString('utf8');
  if (type === oids.dnsSRV && value.tag === tags.ia5String) return { kind: 'srv', value: text };
  if (type === oids.xmppAddr && value.tag === tags.utf8String) return { kind: 'xmppAddr', value: text };
  return { kind: 'other', type };
}

/**
 * Every domain that a certificate could be taken for, by whatever field: dNSNames, SRVNames, XmppAddrs, common names. A-labels in lower case, wildcards as they are.
 * @throws DerError
 */
export function certifiedDomains(der: Uint8Array): string[] {
  const [tbs] = elements(readDer(der), tags.sequence);
  const parts = tbs ? elements(tbs, tags.sequence) : [];
  const subject = parts[5];
  if (!subject) throw new DerError('no certificate');
  const found = commonNames(subject).map(asDomain);
  const wrapper = parts.find(part => part.tag === contextConstructed(3));
  for (const extension of wrapper ? elements(elements(wrapper)[0] ?? wrapper, tags.sequence) : []) {
    const [id, ...rest] = elements(extension, tags.sequence);
    const value = rest.at(-1);
    if (!id || !value || readOid(id) !== oids.subjectAltName) continue;
    for (const name of elements(readDer(value.value), tags.sequence)) found.push(...domainOf(name));
  }
  return [...new Set(found.filter(domain => domain !== ''))];
}

function domainOf(name: Tlv): string[] {
  const read = readGeneralName(name);
  switch (read?.kind) {
    case 'dns':
      return [asDomain(read.value)];
    case 'srv':
      return [asDomain(read.value.replace(/^_[^.]*\./, ''))];
    case 'xmppAddr':
      return [asDomain(read.value.replace(/\/.*$/s, '').replace(/^.*@/s, ''))];
    default:
      return [];
  }
}

/** A name that no domain can have comes out as it is, so that it is shown. */
function asDomain(name: string): string {
  const [, star = '', rest = ''] = /^(\*\.)?(.*?)\.?$/s.exec(name) ?? [];
  return star + (domainToASCII(rest) || rest.toLowerCase());
}
