import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { proveCertificate } from '../ca/audit/prove-certificate.ts';
import { readEntries } from '../ca/audit/read-entries.ts';
import type { Ctx } from '../ctx.ts';
import { seconds } from '../model/seconds.ts';
import { currentLog, findTile, newestCheckpoint } from '../store/log.ts';
import { readTilePath, type TilePath, tileWidth, widthOf } from '../tlog/tiles.ts';

/** The log as everybody may read it (C2SP tlog-tiles). The path is that below the log's prefix; undefined where there is nothing. */
interface Published {
  type: string;
  body: Uint8Array;
  /** Seconds that it may be kept. */
  maxAge: number;
}

const text = 'text/plain; charset=utf-8';
const bytes = 'application/octet-stream';

async function find(ctx: Ctx, path: string): Promise<Published | undefined> {
  const log = await currentLog(ctx.db);
  const newest = log && (await newestCheckpoint(ctx.db, log.id));
  if (!newest) return undefined;
  // An identity after the first one has a prefix of its own besides (tlog-tiles: the origin is one of the prefixes).
  if (path.startsWith(`${log.id}/`) && log.id > 1) return find(ctx, path.slice(`${log.id}/`.length));
  // Mutable, and the beginning of all else.
  if (path === 'checkpoint') return { type: text, body: Buffer.from(newest.note), maxAge: 1 };
  const serial = /^proof\/([0-9a-f]{2,40})$/.exec(path)?.[1];
  if (serial !== undefined) {
    const proof = await proveCertificate(ctx, serial);
    return proof && { type: text, body: Buffer.from(proof.text), maxAge: 60 };
  }
  const tile = readTilePath(path);
  if (!tile || tile.width > widthOf(tile, newest.size)) return undefined;
  const body = tile.kind === 'entries' ? await bundle(ctx, tile) : await hashes(ctx, tile);
  return { type: bytes, body, maxAge: seconds.year };
}

/** A partial tile is the beginning of the wider one that it has become. */
async function hashes(ctx: Ctx, { level, index, width }: TilePath): Promise<Uint8Array> {
  return ((await findTile(ctx.db, level, index)) ?? new Uint8Array()).subarray(0, width * 32);
}

/** Each entry with its length before it, 16 bits, big-endian. */
async function bundle(ctx: Ctx, { index, width }: TilePath): Promise<Uint8Array> {
  const entries = await readEntries(ctx.db, index * tileWidth, width);
  return Buffer.concat(
    entries.flatMap(entry => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(entry.length);
      return [length, entry];
    }),
  );
}

const compress = promisify(gzip);

/** Answers GET and HEAD below `/log/`. @returns whether there was something to answer with */
export async function servePublishedLog(ctx: Ctx, path: string, req: IncomingMessage, res: ServerResponse): Promise<boolean> {
  const found = await find(ctx, path);
  if (!found) return false;
  const { type, maxAge } = found;
  const zipped = /\bgzip\b/.test(String(req.headers['accept-encoding'] ?? '')) && path.startsWith('tile/entries/');
  const body = zipped ? await compress(found.body) : found.body;
  res.writeHead(200, {
    'Content-Type': type,
    'Content-Length': body.length,
    'Cache-Control': maxAge === seconds.year ? `public, max-age=${seconds.year}, immutable` : `public, max-age=${maxAge}`,
    // Monitors may be pages in a browser.
    'Access-Control-Allow-Origin': '*',
    ...(path.startsWith('tile/entries/') && { Vary: 'Accept-Encoding' }),
    ...(zipped && { 'Content-Encoding': 'gzip' }),
  });
  res.end(req.method === 'HEAD' ? undefined : body);
  return true;
}
