import { isIPv4 } from 'node:net';
import * as asn1js from 'asn1js';
import { oids } from './oids.ts';

/** A subject alternative name. */
export type AltName =
  /** dNSName: IA5String, lowercase A-labels. */
  | { kind: 'dns'; value: string }
  /** SRVName, RFC 4985: IA5String `_service.name`, A-labels, without `_tcp`. */
  | { kind: 'srv'; value: string }
  /** XmppAddr, RFC 3920 §5.1.1: UTF8String, U-labels. */
  | { kind: 'xmppAddr'; value: string }
  /** iPAddress: IPv4, or IPv6 as URLs write it, without brackets; for our own listener only. */
  | { kind: 'ip'; value: string };

/** A subject: what of these it has, in this order. */
export interface Subject {
  organizationName?: string;
  commonName?: string;
  serialNumber?: string;
}

/** DER Name, RFC 5280 §4.1.2.6: one SET for each attribute, UTF8String (serialNumber: PrintableString). */
export function encodeSubject(subject: Subject): Uint8Array {
  const sets = (['organizationName', 'commonName', 'serialNumber'] as const).flatMap(attribute => {
    const value = subject[attribute];
    if (value === undefined) return [];
    const Text = attribute === 'serialNumber' ? asn1js.PrintableString : asn1js.Utf8String;
    return new asn1js.Set({
      value: [new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: oids[attribute] }), new Text({ value })] })],
    });
  });
  return new Uint8Array(new asn1js.Sequence({ value: sets }).toBER());
}

/** GeneralNames as asn1js: pkijs would wrap an otherName once too often. */
export function encodeAltNames(names: readonly AltName[]): ArrayBuffer {
  return new asn1js.Sequence({ value: names.map(encodeAltName) }).toBER();
}

function encodeAltName(name: AltName): asn1js.BaseBlock {
  switch (name.kind) {
    case 'dns':
      return contextPrimitive(2, Buffer.from(name.value, 'latin1'));
    case 'ip':
      return contextPrimitive(7, addressOctets(name.value));
    case 'srv':
      return otherName(oids.dnsSRV, new asn1js.IA5String({ value: name.value }));
    case 'xmppAddr':
      return otherName(oids.xmppAddr, new asn1js.Utf8String({ value: name.value }));
  }
}

/** RFC 5280 §4.2.1.6: four octets, or sixteen. */
function addressOctets(address: string): Uint8Array {
  if (isIPv4(address)) return Uint8Array.from(address.split('.').map(Number));
  const [head = [], tail = []] = address.split('::').map(side => side.split(':').filter(group => group !== ''));
  const zeros: string[] = Array(8 - head.length - tail.length).fill('0');
  return Buffer.from([...head, ...zeros, ...tail].map(group => group.padStart(4, '0')).join(''), 'hex');
}

/** RFC 5280 §4.2.1.6: otherName is `[0] IMPLICIT`, its value `[0] EXPLICIT`. */
function otherName(type: string, value: asn1js.BaseBlock): asn1js.Constructed {
  return new asn1js.Constructed({
    idBlock: { tagClass: 3, tagNumber: 0 },
    value: [
      new asn1js.ObjectIdentifier({ value: type }),
      new asn1js.Constructed({ idBlock: { tagClass: 3, tagNumber: 0 }, value: [value] }),
    ],
  });
}

function contextPrimitive(tagNumber: number, bytes: Uint8Array): asn1js.Primitive {
  return new asn1js.Primitive({ idBlock: { tagClass: 3, tagNumber }, valueHex: Uint8Array.from(bytes) });
}
