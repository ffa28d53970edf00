import type { IncomingMessage, ServerResponse } from 'node:http';

/** What everyone gets alike, and HTTP caches may keep. */
export interface Cacheable {
  type: string;
  body: Uint8Array;
  /** A strong validator, without its quotes. */
  etag: string;
  lastModified: number;
  /** Seconds. */
  maxAge: number;
  expires?: number;
}

/** Answers GET and HEAD, also conditional ones (RFC 9110 §13). `no-transform`: the bytes are signed. */
export function sendCacheable(
  req: IncomingMessage,
  res: ServerResponse,
  { type, body, etag, lastModified, maxAge, expires }: Cacheable,
): void {
  const headers = {
    ETag: `"${etag}"`,
    'Last-Modified': httpDate(lastModified),
    'Cache-Control': `max-age=${maxAge}, public, no-transform, must-revalidate`,
    ...(expires !== undefined && { Expires: httpDate(expires) }),
  };
  if (isKnown(req, etag, lastModified)) res.writeHead(304, headers).end();
  else res.writeHead(200, { 'Content-Type': type, 'Content-Length': body.length, ...headers }).end(body);
}

const httpDate = (seconds: number): string => new Date(seconds * 1000).toUTCString();

/** RFC 9110 §13.2.2: a date counts only where no validator is named. */
function isKnown({ headers }: IncomingMessage, etag: string, lastModified: number): boolean {
  const named = headers['if-none-match'];
  if (named !== undefined) return named.trim() === '*' || named.split(',').some(tag => tag.trim().replace(/^W\//, '') === `"${etag}"`);
  const since = headers['if-modified-since'];
  return since !== undefined && Date.parse(since) >= lastModified * 1000;
}
