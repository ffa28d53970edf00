import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { OcspResponder } from '../ca/answer-ocsp.ts';
import type { Ctx } from '../ctx.ts';
import type { OcspError } from '../pki/ocsp.ts';
import { sendCacheable } from './cacheable.ts';
import { type FindCrl, publishedCrls } from './published-crls.ts';

/** Longest OCSP request that is read. */
const bodyLimit = 16 * 1024;

/** Seconds that caches may keep what changes, and what does not. */
const hour = 3600;
const day = 86400;

interface Status {
  ctx: Ctx;
  answerOcsp: OcspResponder;
  findCrl: FindCrl;
}

/** Plain HTTP for relying parties: a verifier must not need TLS to verify TLS. Nothing here is a trust anchor. */
export function statusServer(ctx: Ctx, answerOcsp: OcspResponder): Server {
  const status: Status = { ctx, answerOcsp, findCrl: publishedCrls(ctx) };
  return createServer((req, res) => {
    handle(status, req, res).catch(error => {
      // Whoever asked has gone.
      if (req.destroyed && !req.complete) return;
      ctx.log.error({ err: error }, 'status listener');
      if (res.headersSent) res.destroy();
      else plain(res, 500, 'internal error');
    });
  });
}

async function handle(status: Status, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [path = ''] = (req.url ?? '').split('?');
  const reading = req.method === 'GET' || req.method === 'HEAD';
  if (path.startsWith('/ocsp/') && reading) return ocspGet(status, path.slice('/ocsp/'.length), req, res);
  if (path === '/ocsp' && req.method === 'POST') return ocspPost(status, req, res);
  const crl = /^\/crl\/([0-9a-f]+)(?:\/(\d{1,5}))?\.crl$/.exec(path);
  const issuer = /^\/issuer\/([0-9a-f]+)\.cer$/.exec(path)?.[1];
  const allowed = path === '/ocsp' ? 'POST' : crl || issuer !== undefined || path.startsWith('/ocsp/') ? 'GET, HEAD' : undefined;
  if (allowed === undefined) return plain(res, 404, 'not found');
  if (!allowed.includes(req.method ?? '')) return plain(res.setHeader('Allow', allowed), 405, 'method not allowed');
  if (crl) return serveCrl(status, crl, req, res);
  return serveIssuer(status, issuer ?? '', req, res);
}

/** RFC 6960 appendix A.1. An answer to POST is nobody's but the asker's. */
async function ocspPost({ answerOcsp }: Status, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers['content-type'] !== 'application/ocsp-request') return plain(res, 415, 'the Content-Type is application/ocsp-request');
  const body = await readBody(req);
  if (!body) return plain(res, 413, 'the request is too long');
  const { der } = await answerOcsp(body);
  res.writeHead(200, { 'Content-Type': ocspType, 'Content-Length': der.length }).end(der);
}

const ocspType = 'application/ocsp-response';

/** The request in the path, base64 and then percent-encoded; the headers are those of RFC 5019 §5 and §6.2. */
async function ocspGet({ ctx, answerOcsp }: Status, path: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  let text: string;
  try {
    text = decodeURIComponent(path);
  } catch {
    return plain(res, 400, 'the path cannot be decoded');
  }
  const answer = await answerOcsp(Buffer.from(text, 'base64'));
  if (!('nextUpdate' in answer)) return sendOnce(res, answer);
  const { der, thisUpdate, nextUpdate } = answer;
  const maxAge = Math.max(0, Math.min(hour, nextUpdate - ctx.now()));
  const etag = createHash('sha256').update(der).digest('hex');
  sendCacheable(req, res, { type: ocspType, body: der, etag, lastModified: thisUpdate, maxAge, expires: nextUpdate });
}

/** RFC 5019 §6.2: what is no authoritative answer may not be kept; what is may not say that it may not. */
function sendOnce(res: ServerResponse, { der, refusal }: { der: Uint8Array; refusal?: OcspError }): void {
  const caching = refusal && { 'Cache-Control': 'no-store' };
  res.writeHead(200, { 'Content-Type': ocspType, 'Content-Length': der.length, ...caching }).end(der);
}

/** @returns undefined where it is too long */
function readBody(req: IncomingMessage): Promise<Uint8Array | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    req.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > bodyLimit) resolve(undefined);
      else chunks.push(chunk);
    });
    req.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)));
    req.on('error', reject);
  });
}

/** As published. A new one comes with each revocation, and else a day after the last. */
async function serveCrl({ ctx, findCrl }: Status, [, issuerId = '', shard]: RegExpExecArray, req: IncomingMessage, res: ServerResponse) {
  const crl = ctx.authority.issuers.has(issuerId) && (await findCrl(issuerId, shard === undefined ? undefined : Number(shard)));
  if (!crl) return plain(res, 404, 'not found');
  const { number, thisUpdate, der } = crl;
  const maxAge = Math.max(0, Math.min(hour, thisUpdate + day - ctx.now()));
  return sendCacheable(req, res, { type: 'application/pkix-crl', body: der, etag: String(number), lastModified: thisUpdate, maxAge });
}

/** The certificates that AIA names: issuing CAs, never a root. */
function serveIssuer({ ctx: { authority } }: Status, id: string, req: IncomingMessage, res: ServerResponse) {
  const issuer = authority.issuers.get(id);
  if (!issuer || issuer.id === authority.root.id) return plain(res, 404, 'not found');
  const { certificate: body, notBefore } = issuer;
  const etag = createHash('sha256').update(body).digest('hex');
  return sendCacheable(req, res, { type: 'application/pkix-cert', body, etag, lastModified: notBefore, maxAge: day });
}

function plain(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${text}\n`);
}
