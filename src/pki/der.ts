/**
 * Distinguished Encoding Rules (X.690), read strictly and written plainly. Reader and writer share nothing, so that the linter judges what was
 * built by another hand; the contents of extensions and names are written by pkijs and asn1js, what is many or only joined together is written here.
 */

export class DerError extends Error {}

export interface Tlv {
  /** The identifier octet: class, constructed bit and number together; numbers above 30 are refused. */
  tag: number;
  /** Contents. */
  value: Uint8Array;
  /** Identifier, length and contents. */
  bytes: Uint8Array;
}

export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** `[n]`, primitive. */
export const context = (n: number): number => 0x80 | n;
/** `[n]`, constructed. */
export const contextConstructed = (n: number): number => 0xa0 | n;

/** One element that fills the bytes. @throws DerError */
export function readDer(bytes: Uint8Array): Tlv {
  const tlv = readAt(bytes, 0);
  if (tlv.bytes.length !== bytes.length) throw new DerError('bytes follow its end');
  return tlv;
}

/** The elements inside a constructed one. @throws DerError */
export function elements(tlv: Tlv, tag: number = tlv.tag): Tlv[] {
  if (tlv.tag !== tag) throw new DerError(`tag ${tlv.tag.toString(16)} where ${tag.toString(16)} is due`);
  if (!(tlv.tag & 0x20)) throw new DerError('a primitive element has no members');
  const list: Tlv[] = [];
  for (let at = 0; at < tlv.value.length; ) {
    const member = readAt(tlv.value, at);
    list.push(member);
    at += member.bytes.length;
  }
  return list;
}

function readAt(bytes: Uint8Array, at: number): Tlv {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw new DerError('truncated');
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag number above 30');
  let length = first;
  let start = at + 2;
  if (first & 0x80) {
    const octets = first & 0x7f;
    if (octets === 0 || octets > 4) throw new DerError('an indefinite or huge length');
    length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + (bytes[start + i] ?? 0);
    start += octets;
    if (length < 128 || length < 256 ** (octets - 1)) throw new DerError('a length that is not minimal');
  }
  const end = start + length;
  if (end > bytes.length) throw new DerError('truncated');
  return { tag, value: bytes.subarray(start, end), bytes: bytes.subarray(at, end) };
}

/** Identifier, length and the parts, joined. */
export function tlv(tag: number, ...parts: Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const octets = length < 128 ? 0 : length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4;
  const out = new Uint8Array(2 + octets + length);
  out[0] = tag;
  out[1] = octets ? 0x80 | octets : length;
  for (let i = 0; i < octets; i++) out[2 + i] = Math.floor(length / 256 ** (octets - 1 - i)) & 0xff;
  let at = 2 + octets;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export const sequence = (...parts: Uint8Array[]): Uint8Array => tlv(tags.sequence, ...parts);
export const octetString = (bytes: Uint8Array): Uint8Array => tlv(tags.octetString, bytes);
export const bitString = (bytes: Uint8Array): Uint8Array => tlv(tags.bitString, Uint8Array.of(0), bytes);
export const asciiString = (tag: number, text: string): Uint8Array => tlv(tag, Buffer.from(text, 'latin1'));

/** A non-negative INTEGER from its big-endian value. */
export function integer(value: Uint8Array): Uint8Array {
  let start = 0;
  while (start < value.length - 1 && value[start] === 0) start++;
  const digits = value.subarray(start);
  return (digits[0] ?? 0) & 0x80
    ? tlv(tags.integer, Uint8Array.of(0), digits)
    : tlv(tags.integer, digits.length ? digits : Uint8Array.of(0));
}

export function smallInteger(value: number): Uint8Array {
  return integer(Buffer.from(value.toString(16).padStart(12, '0'), 'hex'));
}

/** The big-endian value of a non-negative INTEGER without leading zeros. @throws DerError */
export function unsigned(tlv: Tlv): Uint8Array {
  const { value } = tlv;
  if (tlv.tag !== tags.integer || value.length === 0) throw new DerError('no INTEGER');
  if ((value[0] ?? 0) & 0x80) throw new DerError('a negative INTEGER');
  if (value.length > 1 && value[0] === 0) {
    if (!((value[1] ?? 0) & 0x80)) throw new DerError('an INTEGER that is not minimal');
    return value.subarray(1);
  }
  return value;
}

const oidCache = new Map<string, Uint8Array>();

/** OBJECT IDENTIFIER. */
export function oid(dotted: string): Uint8Array {
  const cached = oidCache.get(dotted);
  if (cached) return cached;
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets: number[] = [];
  for (const arc of [first * 40 + second, ...rest]) {
    const digits = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) | 0x80);
    octets.push(...digits);
  }
  const encoded = tlv(tags.oid, Uint8Array.from(octets));
  oidCache.set(dotted, encoded);
  return encoded;
}

/** Dotted form. @throws DerError */
export function readOid(element: Tlv): string {
  const { tag, value } = element;
  if (tag !== tags.oid || value.length === 0 || (value.at(-1) ?? 0) & 0x80) throw new DerError('no OBJECT IDENTIFIER');
  const arcs: number[] = [];
  let arc = 0;
  for (const octet of value) {
    if (arc === 0 && octet === 0x80) throw new DerError('an arc that is not minimal');
    arc = arc * 128 + (octet & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128) throw new DerError('a huge arc');
    if (octet & 0x80) continue;
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)));
    else arcs.push(arc);
    arc = 0;
  }
  return arcs.join('.');
}

const digits = (seconds: number): string => new Date(seconds * 1000).toISOString().replace(/\.\d+Z$|[-:T]/g, '');

export const generalizedTime = (seconds: number): Uint8Array => asciiString(tags.generalizedTime, `${digits(seconds)}Z`);

/** RFC 5280 §4.1.2.5: UTCTime before 2050, GeneralizedTime from then on. */
export function time(seconds: number): Uint8Array {
  const text = digits(seconds);
  return text < '2050' ? asciiString(tags.utcTime, `${text.slice(2)}Z`) : generalizedTime(seconds);
}

/** Epoch seconds of a Time as RFC 5280 §4.1.2.5 has it. @throws DerError */
export function readTime(element: Tlv): number {
  const text = Buffer.from(element.value).toString('latin1');
  const utc = element.tag === tags.utcTime;
  if (!utc && element.tag !== tags.generalizedTime) throw new DerError('no Time');
  const match = (utc ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(text);
  if (!match) throw new DerError(`a Time with another form: ${text}`);
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const fullYear = utc ? (year < 50 ? 2000 + year : 1900 + year) : year;
  if (!utc && fullYear < 2050) throw new DerError('GeneralizedTime before 2050');
  const seconds = Date.UTC(fullYear, month - 1, day, hour, minute, second) / 1000;
  // Date.UTC would carry the 30th of February over into March.
  if (!Buffer.from(time(seconds)).equals(element.bytes)) throw new DerError(`a Time that does not exist: ${text}`);
  return seconds;
}

/** The numbers of the set bits of a BIT STRING, bit 0 the first (RFC 5280 §4.2.1.3); at least one, trailing zeros removed (X.690 §11.2.2). @throws DerError */
export function readFlags(element: Tlv): number[] {
  const [unused = 0, ...octets] = element.value;
  if (element.tag !== tags.bitString || element.value.length < 2 || unused > 7) throw new DerError('no BIT STRING of flags');
  const last = octets.at(-1) ?? 0;
  if (31 - Math.clz32(last & -last) !== unused) throw new DerError('a BIT STRING of flags that is not minimal');
  const set: number[] = [];
  for (let bit = 0; bit < octets.length * 8; bit++) if ((octets[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) set.push(bit);
  return set;
}

/** Octets of a BIT STRING of whole octets. @throws DerError */
export function readBits(element: Tlv): Uint8Array {
  if (element.tag !== tags.bitString || element.value[0] !== 0) throw new DerError('no BIT STRING of whole octets');
  return element.value.subarray(1);
}
