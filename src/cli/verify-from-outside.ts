import { existsSync } from 'node:fs';
import { domainToASCII } from 'node:url';
import type { Command } from 'commander';
import { type ReadPublished, verifyPublished } from '../ca/audit/verify-published.ts';
import { writeAtomically } from '../files/write-atomically.ts';
import { base64 } from '../model/encoding.ts';
import { Problem } from '../model/problem.ts';
import { type NoteKey, readVerifierKey } from '../tlog/note.ts';
import { openProof } from '../tlog/proof.ts';
import { type Globals, UsageError } from './globals.ts';
import { readNamed } from './named-file.ts';
import { print, remark } from './print.ts';

interface Options extends Globals {
  url?: string;
  proof?: string;
  key?: string;
  known?: string;
  name?: string;
}

/** `audit verify --url` or `--proof`: what an outsider can do, with nothing but the log's address and key. No database is opened. */
export const outside = {
  addOptions: (command: Command): Command =>
    command
      .option('--url <url>', 'check a published log and no database, such as http://status.ca.example.org/log')
      .option('--proof <file>', 'check a proof that was kept, of a certificate in the log')
      .option('--key <key>', 'with --url and --proof: the key of the log, as "audit key" shows it, or a file that holds it')
      .option('--known <file>', 'with --url: the checkpoint of the last time; read where it is there, written when all is well')
      .option('--name <domains>', 'with --url: list certificates for these domains and what revokes them; commas between'),

  isMeant({ url, proof, key, known, name }: Options): boolean {
    if (url !== undefined && proof !== undefined) throw new UsageError('--url and --proof are two things: leave one of them out');
    if (url === undefined && (known ?? name) !== undefined) throw new UsageError('--known and --name go with --url');
    if ((url ?? proof) === undefined && key !== undefined) throw new UsageError('--key goes with --url or --proof');
    return (url ?? proof) !== undefined;
  },

  async run(options: Options): Promise<void> {
    return options.proof === undefined ? verifyLog(options) : verifyProof({ ...options, proof: options.proof });
  },
};

function verifyProof({ proof, key, ...globals }: Options & { proof: string }): void {
  const opened = openProof(readSigned('--proof', proof), keyOf(key));
  if (!opened) throw new Problem('malformed', `${proof} proves nothing: it is no proof of a log with this key, or it was altered.`);
  const { index, tree, entry } = opened;
  print({ origin: tree.origin, size: tree.size, index, entry: Buffer.from(entry).toString() }, globals);
}

async function verifyLog({ url = '', key, known, name, ...globals }: Options): Promise<void> {
  if (!URL.canParse(url) || !/^https?:\/\//.test(url)) throw new UsageError('--url: is the http or https URL of a log');
  const before = known !== undefined && existsSync(known) ? readSigned('--known', known) : undefined;
  const names = name === undefined ? [] : name.split(',').map(each => domainToASCII(each.trim()) || each.trim().toLowerCase());
  const log = await verifyPublished(readFrom(url.replace(/\/$/, '')), keyOf(key), { known: before, names, progress: remark });
  if (known !== undefined) writeAtomically(known, log.note, { mode: 0o644 });
  const { origin, size, root } = log.checkpoint;
  const counts = { entries: log.entries, certificates: log.certificates, revocations: log.revocations };
  const summary = { origin, size, root: base64(root), ...counts };
  if (globals.json) return print({ ...summary, found: log.found }, globals);
  print(summary, globals);
  if (names.length) print(log.found, globals);
}

/** Editors and shells add line feeds at the end, or take them away; exactly one was signed. */
const readSigned = (option: string, file: string): string => `${readNamed(option, file).trimEnd()}\n`;

function keyOf(key: string | undefined): NoteKey {
  if (key === undefined) throw new UsageError('the key of the log is wanted: --key');
  const found = readVerifierKey(existsSync(key) ? readNamed('--key', key) : key);
  if (!found) throw new UsageError('--key: is no key of a log; it is name+id+base64, or a file that holds it');
  return found;
}

/** Milliseconds for one answer. */
const patience = 60_000;

const readFrom =
  (base: string): ReadPublished =>
  async (path, most) => {
    const url = `${base}/${path}`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(patience), redirect: 'error' }).catch(error => {
      throw new Error(`${url} cannot be read: ${(error.cause ?? error).message}`);
    });
    if (!answer.ok) throw new Error(`${url} was answered with ${answer.status}`);
    const chunks: Uint8Array[] = [];
    let length = 0;
    // What it unpacks to is counted, and no more is read than that.
    for await (const chunk of answer.body ?? []) {
      length += chunk.length;
      if (length > most) throw new Error(`${url} is longer than it may be: ${most} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  };
