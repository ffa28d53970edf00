import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { OcspResponder } from '../ca/answer-ocsp.ts';
import type { Ctx } from '../ctx.ts';
import { type CrlScope, newestCrl } from '../store/crls.ts';

/** Longest OCSP request that is read. */
const bodyLimit = 16 * 1024;

/** Plain HTTP for relying parties: a verifier must not need TLS to verify TLS. Nothing here is a trust anchor. */
export function statusServer(ctx: Ctx, answerOcsp: OcspResponder): Server {
  return createServer((req, res) => {
    handle(ctx, answerOcsp, req, res).catch(error => {
      // Whoever asked has gone.
      if (req.destroyed && !req.complete) return;
      ctx.log.error({ err: error }, 'status listener');
      if (res.headersSent) res.destroy();
      else plain(res, 500, 'internal error');
    });
  });
}

async function handle(ctx: Ctx, answerOcsp: OcspResponder, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [path = ''] = (req.url ?? '').split('?');
  const crl = /^\/crl\/([0-9a-f]+)(?:\/([1-9]\d{0,3}))?\.crl$/.exec(path);
  const issuer = /^\/issuer\/([0-9a-f]+)\.cer$/.exec(path)?.[1];
  const reading = req.method === 'GET' || req.method === 'HEAD';
  if (path === '/ocsp' && req.method === 'POST') return ocspPost(answerOcsp, req, res);
  if (path.startsWith('/ocsp/') && reading) return ocspGet(answerOcsp, path.slice('/ocsp/'.length), res);
  if (crl && reading) return serveCrl(ctx, { issuerId: crl[1] ?? '', shard: Number(crl[2] ?? 0) }, res);
  if (issuer !== undefined && reading) return serveIssuer(ctx, issuer, res);
  if (path === '/ocsp' || crl || issuer !== undefined) {
    res.setHeader('Allow', path === '/ocsp' ? 'POST' : 'GET, HEAD');
    return plain(res, 405, 'method not allowed');
  }
  return plain(res, 404, 'not found');
}

/** RFC 6960 appendix A.1. */
async function ocspPost(answerOcsp: OcspResponder, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.headers['content-type'] !== 'application/ocsp-request') return plain(res, 415, 'the Content-Type is application/ocsp-request');
  const body = await readBody(req);
  if (!body) return plain(res, 413, 'the request is too long');
  return bytes(res, 'application/ocsp-response', await answerOcsp(body));
}

/** The request in the path, base64 and then percent-encoded. */
async function ocspGet(answerOcsp: OcspResponder, path: string, res: ServerResponse): Promise<void> {
  let text: string;
  try {
    text = decodeURIComponent(path);
  } catch {
    return plain(res, 400, 'the path cannot be decoded');
  }
  return bytes(res, 'application/ocsp-response', await answerOcsp(Buffer.from(text, 'base64')));
}

async function readBody(req: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bodyLimit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** As published. */
async function serveCrl(ctx: Ctx, scope: CrlScope, res: ServerResponse): Promise<void> {
  const crl = await newestCrl(ctx.db, scope);
  if (!crl) return plain(res, 404, 'not found');
  res.setHeader('Last-Modified', new Date(crl.thisUpdate * 1000).toUTCString());
  return bytes(res, 'application/pkix-crl', crl.der);
}

/** The certificates that AIA names: issuing CAs, never a root. */
function serveIssuer(ctx: Ctx, id: string, res: ServerResponse): void {
  const issuer = ctx.authority.issuers.get(id);
  if (!issuer || issuer.id === ctx.authority.root.id) plain(res, 404, 'not found');
  else bytes(res, 'application/pkix-cert', issuer.certificate);
}

function bytes(res: ServerResponse, type: string, body: Uint8Array): void {
  res.writeHead(200, { 'Content-Type': type, 'Content-Length': body.length }).end(body);
}

function plain(res: ServerResponse, status: number, text: string): void {
  res.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${text}\n`);
}
