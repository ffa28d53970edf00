import { existsSync, readFileSync, statSync } from 'node:fs';
import { createAtomically, writeAtomically } from '../files/write-atomically.ts';
import { base64 } from '../model/encoding.ts';

/** Key-encryption keys, the newest first; the same array as long as they are the same. */
export type KeySource = () => readonly Uint8Array[];

type Random = (size: number) => Uint8Array;

/** The file with the key-encryption keys is not there, or is none. */
export class KeyFileError extends Error {}

/** Keys of 32 bytes in base64, each once; undefined where one is not. */
export function keysInText(text: string, between: ',' | '\n'): readonly Uint8Array[] | undefined {
  const words = [...new Set(text.split(between).map(word => word.trim()))].filter(word => word !== '');
  const keys = words.map(word => Buffer.from(word, 'base64'));
  return keys.length && keys.every(key => key.length === 32) ? keys : undefined;
}

/** @throws KeyFileError */
function read(file: string): readonly Uint8Array[] {
  const keys = keysInText(readFileSync(file, 'utf8'), '\n');
  if (!keys) throw new KeyFileError(`${file} is not a key-encryption key: 32 bytes in base64`);
  return keys;
}

/**
 * A file with a key a line, the newest first, made where there is none. It is looked at before each use, which takes a microsecond: what one process
 * has written, every other takes up at once. Once read, its keys outlive it.
 * @throws KeyFileError
 */
export function keyFile(file: string, random: Random, usedKeyId?: string): KeySource {
  if (!existsSync(file)) {
    if (usedKeyId !== undefined)
      throw new KeyFileError(
        `the key-encryption key that the database was made with (${usedKeyId}) is not at ${file}: bring it back, or give it by XMPP_CA_KEY`,
      );
    createAtomically(file, textOf([random(32)]));
  }
  let seen = stampOf(file);
  let keys = read(file);
  return () => {
    const stamp = stampOf(file);
    if (stamp === undefined || stamp === seen) return keys;
    try {
      keys = read(file);
      seen = stamp;
    } catch {
      // Half written, or not for us: the keys that were read serve until it is whole.
    }
    return keys;
  };
}

/** Changes when the file does. */
function stampOf(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat && `${stat.ino} ${stat.mtimeMs} ${stat.size}`;
}

const textOf = (keys: readonly Uint8Array[]): string => keys.map(key => `${base64(key)}\n`).join('');

/** Puts a new key before those of the file. @throws KeyFileError */
export function addKey(file: string, random: Random): void {
  // On the disk before anything is encrypted under it: without the key that would be lost.
  replace(file, keys => [random(32), ...keys]);
}

/** Drops keys from the file; the newest stays. @throws KeyFileError */
export function dropKeys(file: string, isDropped: (key: Uint8Array) => boolean): void {
  replace(file, ([newest, ...older]) => [...(newest ? [newest] : []), ...older.filter(key => !isDropped(key))]);
}

/** The file stays the property of its owner, the server. */
function replace(file: string, change: (keys: readonly Uint8Array[]) => readonly Uint8Array[]): void {
  writeAtomically(file, textOf(change(read(file))), { keepsOwner: true });
}
