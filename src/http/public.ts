import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import helmet from 'helmet';
import { pem } from '../model/encoding.ts';
import { asProblem, notFound, Problem } from '../model/problem.ts';
import { seconds } from '../model/seconds.ts';
import { bodyLimit } from './acme/jws.ts';
import { type Acme, dispatch, type Incoming, type Route } from './acme/request.ts';
import { routes } from './acme/router.ts';
import { sendCacheable } from './cacheable.ts';
import { cpCps } from './cp-cps.tsx';
import { renderProblem } from './errors.ts';
import { createApp, readError, send } from './express.ts';
import { front } from './front.tsx';
import { createInFlight, type InFlight } from './in-flight.ts';
import type { Reply } from './reply.ts';
import { securityPolicy } from './views.tsx';

/** The public listener: ACME, the root certificate, a page that says what this is, and whether it is alive. */
export function publicApp(acme: Acme): Express & Pick<InFlight, 'idle'> {
  const { config } = acme.ctx;
  const { track, idle } = createInFlight();
  const app = Object.assign(createApp(config), { idle });

  const body = express.raw({ type: () => true, limit: bodyLimit, inflate: false });
  for (const route of routes) {
    const handler = (req: Request, res: Response) => track(answer(acme, route, req, res));
    if (route.method === 'get') app.get(route.path, handler);
    else app.post(route.path, body, handler);
  }
  for (const path of new Set(routes.map(r => r.path))) app.all(path, (req, res) => otherMethod(acme, path, req, res));

  const pages = helmet();
  app.get('/', pages, (_, res) =>
    track(
      front(acme)
        .then(reply => send(res, reply))
        .catch(error => fail(acme, error, res, {})),
    ),
  );
  app.get('/root.pem', (_, res) =>
    send(res, {
      status: 200,
      headers: { 'Content-Type': 'application/x-pem-file' },
      body: pem('CERTIFICATE', acme.ctx.authority.root.certificate),
    }),
  );
  for (const [path, document] of Object.entries(cpCps(config, acme.ctx.now())))
    app.get(path, pages, (req, res) => {
      res.setHeader('Content-Security-Policy', securityPolicy);
      sendCacheable(req, res, document, seconds.hour);
    });
  app.get('/healthz', (_, res) => send(res, { status: 200, body: { status: 'alive' } }));
  app.all(['/', '/root.pem', '/cp-cps', '/cp-cps.md', '/healthz'], (_, res) => refuseMethod(acme, ['GET', 'HEAD'], res, {}));
  app.use((req, res) => fail(acme, notFound('page'), res, req.path.startsWith('/acme/') ? acmeHeaders(acme, req.method) : {}));
  app.use(((error, req, res, _next) => fail(acme, readError(error, bodyLimit), res, acmeHeaders(acme, req.method))) as ErrorRequestHandler);
  return app;
}

async function answer(acme: Acme, route: Route, req: Request, res: Response): Promise<void> {
  const headers = acmeHeaders(acme, req.method, route.path);
  const started = process.hrtime.bigint();
  try {
    const reply = await dispatch(acme, route, incoming(acme, route, req));
    send(res, merge(reply, headers));
  } catch (error) {
    fail(acme, error, res, headers, route.path);
  } finally {
    const ms = Number((process.hrtime.bigint() - started) / 1000n) / 1000;
    // The pattern, not the path: a member directory's path is a secret.
    acme.ctx.log.debug({ method: req.method, route: route.path, status: res.statusCode, ms }, 'request');
    acme.ctx.metrics.requested(route.path, res.statusCode);
  }
}

function incoming({ urls }: Acme, route: Route, req: Request): Incoming {
  const params = req.params as Record<string, string>;
  const query = /\?.*$/.exec(req.originalUrl)?.[0] ?? '';
  // The orders list alone hands out URLs with a query.
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => params[name] ?? '') + (route.path.endsWith('/orders') ? query : '');
  return {
    method: req.method,
    params,
    query: new URLSearchParams(query),
    url: urls.publicUrl + path,
    requested: urls.publicUrl + req.originalUrl,
    contentType: req.headers['content-type'],
    body: Buffer.isBuffer(req.body) ? req.body : new Uint8Array(),
    address: req.ip ?? '',
  };
}

/** RFC 8555 §6.1 (CORS), §6.5 (a fresh nonce in every answer to a POST), §7.1 (index on all but the directory). */
function acmeHeaders({ nonces, urls }: Acme, method: string, path = ''): Record<string, string | string[]> {
  const isMembers = path.startsWith('/acme/m/');
  const fresh = method === 'POST' || path === '/acme/new-nonce';
  return {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Expose-Headers': 'Link, Location, Replay-Nonce, Retry-After',
    ...((!path.endsWith('/directory') || isMembers) && { Link: index(urls.directory) }),
    ...(fresh && { 'Replay-Nonce': nonces.issue() }),
    ...((fresh || isMembers) && { 'Cache-Control': 'no-store' }),
  };
}

const index = (directory: string) => `<${directory}>;rel="index"`;

/** Both sides may bring Link fields. */
function merge(reply: Reply, headers: Record<string, string | string[]>): Reply {
  const links = [headers['Link'], reply.headers?.['Link']].flat().filter((l): l is string => l !== undefined);
  return { ...reply, headers: { ...headers, ...reply.headers, ...(links.length && { Link: links }) } };
}

function fail({ ctx }: Acme, error: unknown, res: Response, headers: Record<string, string | string[]>, route?: string): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const problem = asProblem(error);
  ctx.metrics.refused(problem.type, route);
  send(res, merge(renderProblem(problem, ctx.log), headers));
}

/** What a browser asks before it sends a JWS (RFC 8555 §6.1), or 405. */
function otherMethod(acme: Acme, path: string, req: Request, res: Response): void {
  const methods = routes.filter(r => r.path === path).flatMap(r => (r.method === 'get' ? ['GET', 'HEAD'] : ['POST']));
  const headers = acmeHeaders(acme, req.method, path);
  if (req.method !== 'OPTIONS') {
    refuseMethod(acme, methods, res, headers);
    return;
  }
  const preflight = {
    'Access-Control-Allow-Methods': methods.join(', '),
    'Access-Control-Allow-Headers': 'Content-Type',
    'Access-Control-Max-Age': String(seconds.day),
  };
  send(res, { status: 204, headers: { ...headers, ...preflight } });
}

function refuseMethod(acme: Acme, methods: string[], res: Response, headers: Record<string, string | string[]>): void {
  const problem = new Problem('malformed', `This resource answers ${methods.join(' and ')} only.`, { status: 405 });
  fail(acme, problem, res, { ...headers, Allow: methods.join(', ') });
}
