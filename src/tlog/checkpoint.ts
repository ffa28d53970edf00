import { base64 } from '../model/encoding.ts';
import type { Hash } from './merkle.ts';
import { type NoteKey, type NoteSigner, openNote, openNoteAside, signNote } from './note.ts';

/** A tree at a size, signed: C2SP tlog-checkpoint. */
export interface Checkpoint {
  origin: string;
  size: number;
  root: Hash;
}

export function signCheckpoint({ origin, size, root }: Checkpoint, signer: NoteSigner): string {
  return signNote(`${origin}\n${size}\n${base64(root)}\n`, signer);
}

/** @returns undefined for what this key has not signed, or what is no checkpoint of the log that the key is named after */
export function openCheckpoint(note: string, key: NoteKey): Checkpoint | undefined {
  return readCheckpoint(openNote(note, key), key);
}

/** The same beside the thread of the caller: for many checkpoints. */
export async function openCheckpointAside(note: string, key: NoteKey): Promise<Checkpoint | undefined> {
  return readCheckpoint(await openNoteAside(note, key), key);
}

function readCheckpoint(text = '', key: NoteKey): Checkpoint | undefined {
  const match = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n(?:[^\n]+\n)*$/.exec(text);
  if (!match) return undefined;
  const [, origin = '', digits, encoded = ''] = match;
  const size = Number(digits);
  const root = new Uint8Array(Buffer.from(encoded, 'base64'));
  return origin === key.name && Number.isSafeInteger(size) && base64(root) === encoded ? { origin, size, root } : undefined;
}
