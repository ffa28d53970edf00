import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { crlPause } from '../ca/authority/publish-crl.ts';
import type { OcspAnswer, OcspResponder } from '../ca/revocation/answer-ocsp.ts';
import type { SharedAnswer } from '../ca/revocation/ocsp-cache.ts';
import type { Ctx } from '../ctx.ts';
import { hex } from '../model/encoding.ts';
import { seconds } from '../model/seconds.ts';
import { sha256 } from '../model/sha256.ts';
import { type Cacheable, cacheable, contentOf, send, sendCacheable } from './cacheable.ts';
import { type FindCrl, publishedCrls } from './published-crls.ts';
import { servePublishedLog } from './published-log.ts';

/** Longest OCSP request that is read. */
const bodyLimit = 16 * 1024;

/** Seconds that caches may keep what changes, and what does not. */
const ocspRequest = 'application/ocsp-request';
const isOcspRequest = /^application\/ocsp-request\s*(;|$)/i;
const ocspResponse = 'application/ocsp-response';

/** RFC 9112 §3.2.2: what a target that is a whole URL begins with. */
const origin = /^http:\/\/[^/?]*/i;

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
  const [path = ''] = (req.url ?? '').replace(origin, '').split('?');
  const reading = req.method === 'GET' || req.method === 'HEAD';
  if (path.startsWith('/ocsp/') && reading) return ocspGet(status, path.slice('/ocsp/'.length), req, res);
  if (path === '/ocsp' && req.method === 'POST') return ocspPost(status, req, res);
  const crl = /^\/crl\/([0-9a-f]+)(?:\/([1-9]\d{0,3}))?\.crl$/.exec(path);
  const issuer = /^\/issuer\/([0-9a-f]+)\.cer$/.exec(path)?.[1];
  const isRead = crl || issuer !== undefined || path.startsWith('/ocsp/') || path.startsWith('/log/');
  const allowed = path === '/ocsp' ? 'POST' : isRead ? 'GET, HEAD' : undefined;
  if (allowed === undefined) return plain(res, 404, 'not found');
  if (!allowed.includes(req.method ?? '')) return plain(res.setHeader('Allow', allowed), 405, 'method not allowed');
  if (crl) return serveCrl(status, crl, req, res);
  if (issuer !== undefined) return serveIssuer(status, issuer, req, res);
  if (!(await servePublishedLog(status.ctx, path.slice('/log/'.length), req, res))) plain(res, 404, 'not found');
}

/** RFC 6960 appendix A.1. An answer to POST is nobody's but the asker's. */
async function ocspPost({ answerOcsp }: Status, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (!isOcspRequest.test(req.headers['content-type'] ?? '')) return plain(res, 415, `the Content-Type is ${ocspRequest}`);
  const body = await readBody(req);
  if (!body) return plain(res, 413, 'the request is too long');
  const answer = await answerOcsp(body);
  if ('nextUpdate' in answer) send(res, prepared(answer).content);
  else sendOwn(res, answer);
}

/** The request in the path, base64 and then percent-encoded; the headers are those of RFC 9919 §6 and §7.2. */
async function ocspGet({ ctx, answerOcsp }: Status, path: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  let text: string;
  try {
    text = decodeURIComponent(path);
  } catch {
    return plain(res, 400, 'the path cannot be decoded');
  }
  const answer = await answerOcsp(Buffer.from(text, 'base64'));
  if ('nextUpdate' in answer) return sendCacheable(req, res, prepared(answer), Math.min(seconds.hour, answer.nextUpdate - ctx.now()));
  sendOwn(res, answer);
}

/** RFC 9919 §7.2: what is no authoritative answer may not be kept; what is may not say so. */
function sendOwn(res: ServerResponse, answer: Exclude<OcspAnswer, SharedAnswer>): void {
  const content = contentOf(ocspResponse, answer.der);
  send(res, content, 'refusal' in answer ? { ...content.headers, 'Cache-Control': 'no-store' } : undefined);
}

const ready = new WeakMap<SharedAnswer, Cacheable>();

/** Once for each answer. */
function prepared(answer: SharedAnswer): Cacheable {
  const known = ready.get(answer);
  if (known) return known;
  const { der, thisUpdate, nextUpdate } = answer;
  const etag = hex(sha256(der));
  const made = cacheable(contentOf(ocspResponse, der), etag, thisUpdate, nextUpdate);
  ready.set(answer, made);
  return made;
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

/** As published. A new one of an issuing CA comes with each revocation, and else when it is due; one of the root when somebody signs it. */
async function serveCrl({ ctx, findCrl }: Status, [, issuerId = '', shard]: RegExpExecArray, req: IncomingMessage, res: ServerResponse) {
  const crl = ctx.authority.issuers.has(issuerId) && (await findCrl({ issuerId, shard: Number(shard ?? 0) }));
  if (!crl) return plain(res, 404, 'not found');
  const { number, thisUpdate, nextUpdate, der } = crl;
  const due = issuerId === ctx.authority.root.id ? nextUpdate : thisUpdate + crlPause(ctx);
  const content = contentOf('application/pkix-crl', der);
  return sendCacheable(req, res, cacheable(content, String(number), thisUpdate), Math.min(seconds.hour, due - ctx.now()));
}

/** The certificates that AIA names: issuing CAs, never a root. */
function serveIssuer({ ctx: { authority } }: Status, id: string, req: IncomingMessage, res: ServerResponse) {
  const issuer = authority.issuers.get(id);
  if (!issuer || issuer.id === authority.root.id) return plain(res, 404, 'not found');
  const { certificate, notBefore } = issuer;
  const etag = hex(sha256(certificate));
  return sendCacheable(req, res, cacheable(contentOf('application/pkix-cert', certificate), etag, notBefore), seconds.day);
}

function plain(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${text}\n`);
}
