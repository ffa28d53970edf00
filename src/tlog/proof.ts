import { base64 } from '../model/encoding.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { type Hash, isIncluded, leafHash } from './merkle.ts';
import type { NoteKey } from './note.ts';

/** That an entry is in a log, to be kept and checked without it: C2SP tlog-proof. The entry itself goes with it as extra data. */

const header = 'c2sp.org/tlog-proof@v1';

export interface Proof {
  entry: Uint8Array;
  index: number;
  hashes: readonly Hash[];
  /** As it was signed. */
  checkpoint: string;
}

export function writeProof({ entry, index, hashes, checkpoint }: Proof): string {
  return [header, `extra ${base64(entry)}`, `index ${index}`, ...hashes.map(base64), '', checkpoint].join('\n');
}

/** @returns the entry, its place, and the tree that it is in; undefined where it is no proof, or proves nothing */
export function openProof(text: string, key: NoteKey): { entry: Uint8Array; index: number; tree: Checkpoint } | undefined {
  const match = /^c2sp\.org\/tlog-proof@v1\nextra ([A-Za-z0-9+/]*=*)\nindex (0|[1-9]\d{0,15})\n((?:[A-Za-z0-9+/]{43}=\n){0,63})\n/.exec(
    text,
  );
  if (!match) return undefined;
  const [whole, extra = '', digits, lines = ''] = match;
  const tree = openCheckpoint(text.slice(whole.length), key);
  const entry = Buffer.from(extra, 'base64');
  const hashes = lines
    .split('\n')
    .slice(0, -1)
    .map(line => Buffer.from(line, 'base64'));
  const index = Number(digits);
  return tree && isIncluded(leafHash(entry), index, tree.size, hashes, tree.root) ? { entry, index, tree } : undefined;
}
