import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** What everyone gets alike, and HTTP caches may keep. */
export interface Cacheable {
  content: Content;
  /** A strong validator, with its quotes. */
  etag: string;
  lastModified: number;
  headers: OutgoingHttpHeaders;
  ready?: Ready;
}

interface Ready {
  maxAge: number;
  unchanged: OutgoingHttpHeaders;
  whole: OutgoingHttpHeaders;
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

/** @param headers in place of the content's own, where there are more */
export function send(res: ServerResponse, { body, headers }: Content, more: OutgoingHttpHeaders = headers): void {
  res.writeHead(200, more).end(body, 'latin1');
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

/** Answers GET and HEAD, also conditional ones (RFC 9110 §13). */
export function sendCacheable(req: IncomingMessage, res: ServerResponse, what: Cacheable, maxAge: number): void {
  // Most often the same as before: putting headers together takes longer than all else here.
  if (what.ready?.maxAge !== maxAge) what.ready = headersFor(what, maxAge);
  if (isKnown(req, what)) res.writeHead(304, what.ready.unchanged).end();
  else send(res, what.content, what.ready.whole);
}

/** `no-transform`: the bytes are signed. */
function headersFor({ content, headers }: Cacheable, maxAge: number): Ready {
  const unchanged = { ...headers, 'Cache-Control': `max-age=${Math.max(0, maxAge)}, public, no-transform, must-revalidate` };
  return { maxAge, unchanged, whole: { ...content.headers, ...unchanged } };
}

const httpDate = (seconds: number): string => new Date(seconds * 1000).toUTCString();

/** RFC 9110 §13.2.2: a date counts only where no validator is named. */
function isKnown({ headers }: IncomingMessage, { etag, lastModified }: Cacheable): boolean {
  const named = headers['if-none-match'];
  if (named !== undefined) return named.trim() === '*' || named.split(',').some(tag => tag.trim().replace(/^W\//, '') === etag);
  const since = headers['if-modified-since'];
  return since !== undefined && Date.parse(since) >= lastModified * 1000;
}
