import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { sha256 } from '../model/sha256.ts';

/** Signed notes: C2SP signed-note, with Ed25519. */

const ed25519 = 1;
const spkiPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/** A key that notes are verified with. */
export interface NoteKey {
  /** Neither spaces nor `+`. */
  name: string;
  /** 32 bytes (RFC 8032). */
  publicKey: Uint8Array;
}

export interface NoteSigner extends NoteKey {
  sign(text: string): Uint8Array;
}

export const isKeyName = (name: string): boolean => /^[^\s+\p{Cc}]+$/u.test(name);

function keyId({ name, publicKey }: NoteKey): Buffer {
  return Buffer.from(sha256(Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519), publicKey])).subarray(0, 4));
}

/** `name+keyid+key`, as verifiers are configured with it. */
export function verifierKey(key: NoteKey): string {
  const encoded = Buffer.concat([Buffer.of(ed25519), key.publicKey]).toString('base64');
  return `${key.name}+${keyId(key).toString('hex')}+${encoded}`;
}

/** @returns undefined for what is no verifier key of Ed25519, or one whose id is another's */
export function readVerifierKey(text: string): NoteKey | undefined {
  const match = /^([^+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text.trim());
  if (!match) return undefined;
  const [, name = '', id, encoded = ''] = match;
  const bytes = Buffer.from(encoded, 'base64');
  if (!isKeyName(name) || bytes.length !== 33 || bytes[0] !== ed25519 || bytes.toString('base64') !== encoded) return undefined;
  const key = { name, publicKey: new Uint8Array(bytes.subarray(1)) };
  return keyId(key).toString('hex') === id ? key : undefined;
}

/** @param pkcs8 an Ed25519 key */
export function noteSigner(name: string, pkcs8: Uint8Array): NoteSigner {
  if (!isKeyName(name)) throw new Error(`"${name}" cannot name a key of notes`);
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  const publicKey = new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32));
  return { name, publicKey, sign: text => sign(null, Buffer.from(text), key) };
}

/** @param text ends with a line feed */
export function signNote(text: string, signer: NoteSigner): string {
  if (!text.endsWith('\n')) throw new Error('the text of a note ends with a line feed');
  const signature = Buffer.concat([keyId(signer), signer.sign(text)]).toString('base64');
  return `${text}\n\u2014 ${signer.name} ${signature}\n`;
}

const mostSignatures = 100;

/**
 * The text of a note that this key has signed; signatures of others are passed over.
 * @returns undefined where it is no note, has no signature of this key, or one that does not verify
 */
export function openNote(note: string, key: NoteKey): string | undefined {
  const read = readNote(note, key);
  return read?.signatures.every(signature => verify(null, read.bytes, verifierOf(key).key, signature)) ? read.text : undefined;
}

const verifyAside = promisify(verify);

/** The same beside the thread of the caller: for many notes. */
export async function openNoteAside(note: string, key: NoteKey): Promise<string | undefined> {
  const read = readNote(note, key);
  for (const signature of read?.signatures ?? [])
    if (!(await verifyAside(null, read?.bytes ?? Buffer.of(), verifierOf(key).key, signature))) return undefined;
  return read?.text;
}

/** Text and signatures by this key, of which there is one at least; not verified. */
function readNote(note: string, key: NoteKey): { text: string; bytes: Buffer; signatures: Uint8Array[] } | undefined {
  if (/[\u0000-\u0009\u000b-\u001f]/.test(note) || !note.endsWith('\n')) return undefined;
  const split = note.lastIndexOf('\n\n');
  if (split < 0) return undefined;
  const text = note.slice(0, split + 1);
  const lines = note.slice(split + 2, -1).split('\n');
  if (lines.length > mostSignatures) return undefined;
  const signatures: Uint8Array[] = [];
  for (const line of lines) {
    const match = /^\u2014 ([^\s+]+) ([A-Za-z0-9+/]+=*)$/.exec(line);
    const bytes = Buffer.from(match?.[2] ?? '', 'base64');
    if (!match || bytes.length < 5) return undefined;
    if (match[1] === key.name && bytes.subarray(0, 4).equals(verifierOf(key).id)) signatures.push(bytes.subarray(4));
  }
  return signatures.length ? { text, bytes: Buffer.from(text), signatures } : undefined;
}

/** What a key is verified with, made once for each. */
const verifiers = new WeakMap<NoteKey, { id: Buffer; key: KeyObject }>();

function verifierOf(noteKey: NoteKey): { id: Buffer; key: KeyObject } {
  const made = verifiers.get(noteKey) ?? { id: keyId(noteKey), key: publicKeyOf(noteKey.publicKey) };
  verifiers.set(noteKey, made);
  return made;
}

function publicKeyOf(bytes: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([spkiPrefix, bytes]), format: 'der', type: 'spki' });
}

/** A new key to sign notes with, as PKCS #8. */
export function generateNoteKey(): { pkcs8: Uint8Array; publicKey: Uint8Array } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    pkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32),
  };
}
