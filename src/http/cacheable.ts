import type { IncomingMessage, ServerResponse } from 'node:http';

/** What everyone gets alike, and HTTP caches may keep. */
export interface Cacheable {
  content: Content;
  /** A strong validator, with its quotes. */
  etag: string;
  lastModified: number;
  headers: Record<string, string>;
}

/** Bytes to be sent. Short ones are a string, one character an octet: node sends it in one write with the headers, bytes in a second one. */
export interface Content {
  body: Uint8Array | string;
  headers: { 'Content-Type': string; 'Content-Length': number };
}

const short = 16 * 1024;

export function contentOf(type: string, bytes: Uint8Array): Content {
  const body = bytes.length < short ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1') : bytes;
  return { body, headers: { 'Content-Type': type, 'Content-Length': bytes.length } };
}

export function send(res: ServerResponse, { body, headers }: Content, more: Record<string, string> = {}): void {
  res.writeHead(200, { ...headers, ...more }).end(body, 'latin1');
}

/** @param etag without quotes */
export function cacheable(content: Content, etag: string, lastModified: number, expires?: number): Cacheable {
  const headers = {
    ETag: `"${etag}"`,
    'Last-Modified': httpDate(lastModified),
    ...(expires !== undefined && { Expires: httpDate(expires) }),
  };
  return { content, etag: `"${etag}"`, lastModified, headers };
}

/** Answers GET and HEAD, also conditional ones (RFC 9110 §13). `no-transform`: the bytes are signed. */
export function sendCacheable(req: IncomingMessage, res: ServerResponse, what: Cacheable, maxAge: number): void {
  const headers = { ...what.headers, 'Cache-Control': `max-age=${Math.max(0, maxAge)}, public, no-transform, must-revalidate` };
  if (isKnown(req, what)) res.writeHead(304, headers).end();
  else send(res, what.content, headers);
}

const httpDate = (seconds: number): string => new Date(seconds * 1000).toUTCString();

/** RFC 9110 §13.2.2: a date counts only where no validator is named. */
function isKnown({ headers }: IncomingMessage, { etag, lastModified }: Cacheable): boolean {
  const named = headers['if-none-match'];
  if (named !== undefined) return named.trim() === '*' || named.split(',').some(tag => tag.trim().replace(/^W\//, '') === etag);
  const since = headers['if-modified-since'];
  return since !== undefined && Date.parse(since) >= lastModified * 1000;
}
