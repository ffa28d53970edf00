import { existsSync } from 'node:fs';
import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { type Published, type ReadPublished, verifyPublished } from '../ca/audit/verify-published.ts';
import { readNamed } from '../files/read-named.ts';
import { writeAtomically } from '../files/write-atomically.ts';
import { base64 } from '../model/encoding.ts';
import { Problem } from '../model/problem.ts';
import { type NoteKey, readVerifierKey } from '../tlog/note.ts';
import { openProof } from '../tlog/proof.ts';
import type { Outside, Surroundings } from './operation.ts';
import { UsageError } from './usage-error.ts';

const input = z
  .object({
    url: z
      .string()
      .refine(url => URL.canParse(url) && /^https?:\/\//.test(url), 'is the http or https URL of a log')
      .optional()
      .describe('check a published log and no database, such as http://status.ca.example.org/log'),
    proof: z.string().optional().describe('check a proof that was kept, of a certificate in the log'),
    key: z.string().optional().describe('with --url and --proof: the key of the log, as "audit key" shows it, or a file that holds it'),
    known: z.string().optional().describe('with --url: the checkpoint of the last time; read where it is there, written when all is well'),
    name: z.string().optional().describe('with --url: list certificates for these domains and what revokes them; commas between'),
  })
  .superRefine(({ url, proof, key, known, name }, context) => {
    if (url !== undefined && proof !== undefined) context.addIssue('--url and --proof are two things: leave one of them out');
    else if (url === undefined && (known ?? name) !== undefined) context.addIssue('--known and --name go with --url');
    else if ((url ?? proof) === undefined && key !== undefined) context.addIssue('--key goes with --url or --proof');
    else if (key === undefined) context.addIssue('the key of the log is wanted: --key');
  });

interface LogChecked {
  origin: string;
  size: number;
  root: string;
  entries: number;
  certificates: number;
  revocations: number;
  found: Published[];
}

/** `audit verify` with `--url` or `--proof`: what an outsider can do, who has the log's address and key alone. */
export const verifyFromOutside: Outside<typeof input> = {
  input,
  run: async ({ url, proof, key = '', ...rest }, around) => {
    const noteKey = readKey(key, around);
    return proof === undefined ? verifyLog({ url: url ?? '', ...rest }, noteKey, around) : verifyProof(proof, noteKey, around);
  },
  forPeople(output, { proof, name }) {
    const { found, ...summary } = output as Partial<LogChecked>;
    return proof === undefined && name !== undefined ? [summary, found] : [summary];
  },
};

function verifyProof(file: string, key: NoteKey, around: Surroundings) {
  const opened = openProof(readSigned('--proof', file, around), key);
  if (!opened) throw new Problem('malformed', `${file} proves nothing: it is no proof of a log with this key, or it was altered.`);
  const { index, tree, entry } = opened;
  return { origin: tree.origin, size: tree.size, index, entry: Buffer.from(entry).toString() };
}

async function verifyLog(
  { url, known, name }: { url: string; known?: string | undefined; name?: string | undefined },
  key: NoteKey,
  around: Surroundings,
): Promise<LogChecked> {
  const before = known !== undefined && existsSync(around.path(known)) ? readSigned('--known', known, around) : undefined;
  const names = name === undefined ? [] : name.split(',').map(each => domainToASCII(each.trim()) || each.trim().toLowerCase());
  const log = await verifyPublished(readFrom(url.replace(/\/$/, '')), key, { known: before, names, progress: around.progress });
  if (known !== undefined) writeAtomically(around.path(known), log.note, { mode: 0o644 });
  const { origin, size, root } = log.checkpoint;
  const counts = { entries: log.entries, certificates: log.certificates, revocations: log.revocations };
  return { origin, size, root: base64(root), ...counts, found: log.found };
}

/** Editors and shells add line feeds at the end, or take them away; exactly one was signed. */
const readSigned = (option: string, file: string, { path }: Surroundings): string => `${readNamed(option, file, path(file)).trimEnd()}\n`;

/** @throws UsageError */
function readKey(key: string, { path }: Surroundings): NoteKey {
  const found = readVerifierKey(existsSync(path(key)) ? readNamed('--key', key, path(key)) : key);
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
