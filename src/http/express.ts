import express, { type Express, type Response } from 'express';
import type { Config } from '../config.ts';
import { asProblem, Problem } from '../model/problem.ts';
import { type Reply, toWire } from './reply.ts';

/** express without what it would add or guess by itself. */
export function createApp({ trustProxy }: Config): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', trustProxy);
  app.set('query parser', false);
  app.set('case sensitive routing', true);
  app.set('strict routing', true);
  return app;
}

export function send(res: Response, reply: Reply): void {
  const { status, headers, body } = toWire(reply);
  res.status(status);
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (body) res.setHeader('Content-Length', Buffer.byteLength(body));
  else if (status !== 204) res.setHeader('Content-Length', 0);
  res.end(body);
}

/** What was thrown on the way to a handler; by express itself, a body that is too long, cut off, or encoded; a path that cannot be decoded. */
export function readError(error: unknown, bodyLimit: number): Problem {
  if (error instanceof Problem) return error;
  const { type, status } = (error ?? {}) as { type?: string; status?: number };
  if (type === 'entity.too.large') return new Problem('malformed', `The request body is longer than ${bodyLimit} octets.`, { status: 413 });
  if (type === 'encoding.unsupported')
    return new Problem('malformed', 'The request body is sent without Content-Encoding.', { status: 415 });
  if (status !== undefined && status >= 400 && status < 500) return new Problem('malformed', 'The request cannot be read.', { status });
  return asProblem(error);
}
