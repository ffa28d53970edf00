import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler, type Response } from 'express';
import helmet from 'helmet';
import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import { notFound, Problem } from '../../model/problem.ts';
import type { Token } from '../../model/token.ts';
import { networkOf } from '../../net/addresses.ts';
import { renderProblem } from '../errors.ts';
import { createApp, readError, send } from '../express.ts';
import { createInFlight, type InFlight } from '../in-flight.ts';
import { answer, type Call } from './answer.ts';
import { authenticate, authorize } from './authenticate.ts';
import { createLimit } from './limit.ts';
import { monitoring } from './monitoring.ts';
import { openApi } from './openapi.ts';
import { reference } from './reference.tsx';
import { type AdminRoute, base, routes } from './routes.ts';

/** What needs no token. */
const open = [...Object.keys(monitoring), `${base}/openapi.json`, `${base}/`];

const bodyLimit = 64 * 1024;

/** Answers a request with what was thrown. */
type Fail = (res: Response, error: unknown) => void;

/** What the parts of the listener answer with. */
interface Answering {
  ctx: Ctx;
  /** Follows an answer until it is sent, so that nothing is broken off where the server ends. */
  track: InFlight['track'];
  fail: Fail;
}

/** The admin listener: the operations as an API, for whoever has a token. */
export function adminApp(ctx: Ctx): Express & Pick<InFlight, 'idle'> {
  const { track, idle } = createInFlight();
  const app = Object.assign(createApp(ctx.config), { idle });
  const fail: Fail = (res, error) => {
    if (res.headersSent) {
      ctx.log.error({ err: error }, 'an answer of the admin API was broken off');
      res.destroy();
    } else send(res, renderProblem(error, ctx.log));
  };
  const answering = { ctx, track, fail };
  addOpen(app, answering);
  // Before anything else is told: also of what is not there. From here on every answer is for its caller alone, and now.
  app.use(requireToken(answering));
  addOperations(app, answering);
  app.use((_, res) => fail(res, notFound('resource')));
  app.use(((error, _req, res, _next) => fail(res, readError(error, bodyLimit))) as ErrorRequestHandler);
  return app;
}

/** Adds what needs no token: monitoring, and the description of the API. */
function addOpen(app: Express, { ctx, track, fail }: Answering): void {
  const described = openApi();
  const page = reference();
  for (const [path, tell] of Object.entries(monitoring))
    app.get(path, (_, res) =>
      track(
        tell(ctx)
          .then(reply => send(res.setHeader('Cache-Control', 'no-store'), reply))
          .catch(error => fail(res, error)),
      ),
    );
  app.use((req, res, next) => {
    // The pattern alone: a path names members and certificates.
    res.once('close', () => ctx.metrics.administered(patternOf(req), req.method, res.statusCode));
    next();
  });
  app.get(`${base}/openapi.json`, (_, res) => send(res, { status: 200, body: described }));
  app.get(`${base}/`, helmet(), (_, res) => send(res, page));
  app.all(open, refuse(fail, ['GET', 'HEAD']));
}

/** The token that each request has shown. */
const tokens = new WeakMap<Request, Token>();

function requireToken({ ctx, track, fail }: Answering): RequestHandler {
  const limitToken = createLimit(ctx, 'A token');
  const limitStranger = createLimit(ctx, 'An address without a valid token');
  return (req, res, next) => {
    res.setHeader('Cache-Control', 'no-store');
    return track(
      authenticate(ctx, req.headers.authorization)
        .catch(error => {
          // Only now: a token that is good is not shut out for what others do behind the same address.
          if (error instanceof Problem) limitStranger(networkOf(req.ip ?? ''));
          throw error;
        })
        .then(token => {
          limitToken(token.id);
          tokens.set(req, token);
          next();
        })
        .catch(error => fail(res, error)),
    );
  };
}

function addOperations(app: Express, { ctx, track, fail }: Answering): void {
  const body = express.raw({ type: () => true, limit: bodyLimit, inflate: false });
  for (const route of routes)
    app[route.method](
      patternFor(route.path),
      (req, _, next) => {
        authorize(tokens.get(req) as Token, route.operation.scope);
        next();
      },
      body,
      (req: Request, res: Response) =>
        track(
          answer(ctx, callOf(route, req), res)
            .then(reply => reply && send(res, reply))
            .catch(error => fail(res, error)),
        ),
    );
  for (const path of new Set(routes.map(r => r.path))) {
    const methods = routes.filter(r => r.path === path).flatMap(r => (r.method === 'get' ? ['GET', 'HEAD'] : ['POST']));
    app.all(patternFor(path), refuse(fail, methods));
  }
}

/** Answers 405 to every other method. */
const refuse = (fail: Fail, methods: string[]) => (_: Request, res: Response) => {
  const problem = new Problem('malformed', `This resource answers ${methods.join(' and ')} only.`, { status: 405 });
  res.setHeader('Allow', methods.join(', '));
  fail(res, problem);
};

/** Turns `{id}` into Express's `:id`. */
const patternFor = (path: string): string => path.replace(/{(\w+)}/g, ':$1');

function callOf(route: AdminRoute, req: Request): Call {
  const token = tokens.get(req) as Token;
  return {
    route,
    token,
    actor: actorOf(token, req),
    received: receivedOf(req),
    accepts: types => req.accepts(types),
    headers: req.headers,
  };
}

const patternOf = ({ route }: Request): string => (typeof route?.path === 'string' ? route.path : 'none');

const actorOf = ({ id }: Token, { ip }: Request): Actor => ({
  who: `token:${id}`,
  door: 'admin',
  ...(ip !== undefined && { address: ip }),
});

const receivedOf = (req: Request): Call['received'] => ({
  params: req.params as Record<string, string>,
  path: req.path,
  query: new URLSearchParams(/\?.*$/.exec(req.originalUrl)?.[0] ?? ''),
  contentType: req.headers['content-type'],
  body: Buffer.isBuffer(req.body) ? req.body : new Uint8Array(),
});
