import { X509Certificate } from 'node:crypto';
import { isAtOrBelow, isWildcardFor } from '../../model/identifier.ts';
import { isObject } from '../../model/json.ts';
import { Problem } from '../../model/problem.ts';
import { certifiedDomains } from '../../pki/read-names.ts';
import { type Checkpoint, openCheckpoint } from '../../tlog/checkpoint.ts';
import { consistencyProof, grow, isConsistent, leafHash, rootOf, sameHash } from '../../tlog/merkle.ts';
import type { NoteKey } from '../../tlog/note.ts';
import { openProof } from '../../tlog/proof.ts';
import { edgeOf, nodesOf, type TileId, tilePath, tileWidth, widthOf } from '../../tlog/tiles.ts';

/** Reads a path below the log's prefix, of so many bytes at most. @throws Error where it cannot be had */
export type ReadPublished = (path: string, most: number) => Promise<Uint8Array>;

/** The longest that a checkpoint with its cosignatures, an entry (C2SP tlog-tiles), and a proof with its entry may be. */
const most = { checkpoint: 65_536, entry: 65_535, proof: 262_144 };

/** A certificate or a revocation that the log tells of. */
export interface Published {
  index: number;
  type: 'certificate' | 'revocation';
  issuer: string;
  serial: string;
  names?: string[];
  notBefore?: string;
  notAfter?: string;
  time?: string;
  reason?: string;
}

export interface PublishedLog {
  checkpoint: Checkpoint;
  /** As it was signed: to be kept, and given the next time. */
  note: string;
  /** Entries that were read now, and what they tell of certificates with these names. */
  entries: number;
  certificates: number;
  revocations: number;
  found: Published[];
}

function broken(detail: string): never {
  throw new Problem('malformed', `The published log is not what it should be: ${detail}.`);
}

/**
 * What anybody can check who has the log's URL and key: that its checkpoint is signed, that it goes on from the one that was known, and that the entries since then, each of them, are what was signed.
 * @param known a checkpoint of before
 * @param names domains whose certificates are listed, with those of the names below them and what revokes them
 * @throws Problem that names what is wrong
 */
export async function verifyPublished(
  read: ReadPublished,
  key: NoteKey,
  { known, names = [], progress }: { known?: string | undefined; names?: readonly string[]; progress?: (line: string) => void },
): Promise<PublishedLog> {
  const note = Buffer.from(await read('checkpoint', most.checkpoint)).toString();
  const checkpoint = openCheckpoint(note, key);
  if (!checkpoint) broken(`its checkpoint is not signed by ${key.name} with this key`);
  const before = known === undefined ? undefined : openCheckpoint(known, key);
  if (known !== undefined && !before) broken('the known checkpoint is not signed with this key');
  const { size, root } = checkpoint;
  const nodes = nodesOf(tile => readTile(read, tile, size));
  if (before) {
    if (before.size > size) broken(`it ends at ${size}, and a checkpoint of size ${before.size} was signed before`);
    if (!isConsistent(before, checkpoint, await consistencyProof(nodes, before.size, size)))
      broken(`what was signed at the size ${before.size} is no part of what is signed at ${size}: the log was rewritten`);
  }
  const from = before?.size ?? 0;
  const told = new Told(names, from);
  const edge = await edgeOf(nodes, Math.floor(from / tileWidth) * tileWidth);
  for (let at = edge.size; at < size; at = edge.size) {
    const tile = { level: 0, index: at / tileWidth };
    const entries = await readBundle(read, tile.index, widthOf(tile, size));
    const hashes = await readTile(read, tile, size);
    for (const [i, entry] of entries.entries()) {
      const leaf = leafHash(entry);
      if (!sameHash(leaf, hashes.subarray(i * 32, (i + 1) * 32))) broken(`entry ${at + i} is not that of the tree`);
      grow(edge, leaf);
      if (at + i >= from) told.hear(at + i, entry);
    }
    progress?.(`${edge.size} of ${size} entries`);
  }
  if (!sameHash(rootOf(edge), root)) broken('its entries do not make up the tree that was signed');
  const { certificates, revocations, found } = told;
  for (const revoked of told.ofBefore) {
    const certified = await loggedNames(read, key, revoked);
    if (told.isWanted(certified)) found.push({ ...revoked, names: certified });
  }
  found.sort((a, b) => a.index - b.index);
  return { checkpoint, note, entries: size - from, certificates, revocations, found };
}

async function readTile(read: ReadPublished, { level, index }: TileId, size: number): Promise<Uint8Array> {
  const width = widthOf({ level, index }, size);
  const tile = await read(tilePath({ kind: 'hashes', level, index, width }), width * 32);
  return tile.length === width * 32 ? tile : broken(`the tile ${level}/${index} has ${tile.length} bytes, not ${width * 32}`);
}

async function readBundle(read: ReadPublished, index: number, width: number): Promise<Uint8Array[]> {
  const path = tilePath({ kind: 'entries', level: 0, index, width });
  const bundle = Buffer.from(await read(path, width * (2 + most.entry)));
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bundle.length && entries.length <= width; ) {
    const length = at + 2 <= bundle.length ? bundle.readUInt16BE(at) : bundle.length;
    if (at + 2 + length > bundle.length) broken(`the bundle of entries ${index} is cut short`);
    entries.push(bundle.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries.length === width
    ? entries
    : broken(`the bundle of entries ${index} has ${entries.length > width ? 'more' : entries.length} entries, not ${width}`);
}

/** The domains of a certificate that was logged before what is known: the log has a proof of it. */
async function loggedNames(read: ReadPublished, key: NoteKey, { index, serial }: Published): Promise<string[]> {
  const proof = openProof(Buffer.from(await read(`proof/${serial}`, most.proof)).toString(), key);
  const certificate = proof && parse(proof.entry)?.['certificate'];
  const { names, ...facts } = readEntry(proof?.index ?? index, certificate);
  return facts.serial === serial ? names : broken(`the proof of the certificate ${serial}, revoked by entry ${index}, proves another one`);
}

/** What entries tell of certificates. */
class Told {
  certificates = 0;
  revocations = 0;
  readonly found: Published[] = [];
  /** Revocations of certificates that came before what is read now. */
  readonly ofBefore: Published[] = [];
  readonly #names: readonly string[];
  readonly #from: number;
  /** Serials that were told, and whether they are wanted; none where all is read and none is asked for. */
  readonly #serials = new Map<string, boolean>();

  constructor(names: readonly string[], from: number) {
    this.#names = names;
    this.#from = from;
  }

  isWanted(domains: readonly string[]): boolean {
    return domains.some(domain => this.#names.some(wanted => isAtOrBelow(domain, wanted) || isWildcardFor(domain, wanted)));
  }

  hear(index: number, entry: Uint8Array): void {
    const said = parse(entry);
    if (said?.['type'] === 'certificate') this.#certificate(index, said);
    else if (said?.['type'] === 'revocation') this.#revocation(index, said);
    else if (said?.['type'] !== 'record') broken(`entry ${index} is of no kind that is known`);
  }

  #certificate(index: number, { certificate }: Record<string, unknown>): void {
    this.certificates++;
    const read = readEntry(index, certificate);
    const isWanted = this.isWanted(read.names);
    if (isWanted || (this.#from > 0 && this.#names.length)) this.#serials.set(read.serial, isWanted);
    if (isWanted) this.found.push({ index, type: 'certificate', ...read });
  }

  #revocation(index: number, { issuer, serial: of, time, reason }: Record<string, unknown>): void {
    this.revocations++;
    const serial = String(of);
    const told: Published = { index, type: 'revocation', issuer: String(issuer), serial, time: String(time), reason: String(reason) };
    const isWanted = this.#serials.get(serial);
    if (isWanted) this.found.push(told);
    else if (isWanted === undefined && this.#from > 0 && this.#names.length) this.ofBefore.push(told);
  }
}

function readEntry(
  index: number,
  certificate: unknown,
): Required<Pick<Published, 'issuer' | 'serial' | 'names' | 'notBefore' | 'notAfter'>> {
  try {
    const der = Buffer.from(String(certificate), 'base64');
    const read = new X509Certificate(der);
    return {
      issuer: read.issuer,
      serial: read.serialNumber.toLowerCase(),
      names: certifiedDomains(der),
      notBefore: new Date(read.validFrom).toISOString(),
      notAfter: new Date(read.validTo).toISOString(),
    };
  } catch {
    broken(`entry ${index} holds no certificate that can be read`);
  }
}

function parse(entry: Uint8Array): Record<string, unknown> | undefined {
  try {
    const said: unknown = JSON.parse(Buffer.from(entry).toString());
    return isObject(said) ? said : undefined;
  } catch {
    return undefined;
  }
}
