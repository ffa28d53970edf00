import type { IncomingHttpHeaders } from 'node:http';
import type { Response } from 'express';
import type { Ctx } from '../../ctx.ts';
import type { Actor } from '../../model/audit.ts';
import { Problem } from '../../model/problem.ts';
import type { Token } from '../../model/token.ts';
import type { Format } from '../../operations/operation.ts';
import { type Asked, perform, performPage } from '../../operations/perform.ts';
import type { Page } from '../../store/pages.ts';
import type { Reply } from '../reply.ts';
import { authorize } from './authenticate.ts';
import { checkIfMatch, etagOf } from './etag.ts';
import { once } from './idempotency.ts';
import { cursorOf, type Paging, type Received, readInput } from './input.ts';
import { answerWithProgress, progressType } from './progress.ts';
import type { AdminRoute } from './routes.ts';
import { columnsOf, ndjson, rowFormats, writeRows } from './rows.ts';

/** A request of a token that may make it. */
export interface Call {
  route: AdminRoute;
  token: Token;
  actor: Actor;
  received: Received & { path: string };
  /** The first of these media types that is accepted. */
  accepts(types: string[]): string | false;
  headers: IncomingHttpHeaders;
}

/** @returns undefined where the answer was streamed @throws Problem */
export async function answer(ctx: Ctx, call: Call, res: Response): Promise<Reply | undefined> {
  const { operation, method } = call.route;
  const { values, page } = readInput(call.route, call.received);
  const besides = operation.alsoNeeds?.(values);
  if (besides) authorize(call.token, besides);
  if (operation.page) return answerList(ctx, call, { values, page }, res);
  if (method === 'post') return answerAct(ctx, call, values, res);
  const { rows, columns } = operation;
  const streams = rows ? (columns ? Object.keys(rowFormats) : [ndjson]) : [];
  const formats = Object.values(operation.formats ?? {});
  const types = [...new Set(['application/json', ...formats.map(format => format.type), ...streams])];
  const type = call.accepts(types);
  if (type === false && formats.length) throw notAcceptable('It', types);
  if (rows && type !== false && streams.includes(type)) {
    await writeRows(res, type, columns ?? [], rows(ctx, values));
    return undefined;
  }
  const output = (await perform(ctx, { operation, values, actor: call.actor })) as object;
  const format = formats.find(format => format.type === type);
  return format ? written(format, output) : { status: 200, headers: { ETag: etagOf(output) }, body: output };
}

/** A page of ours loads nothing and runs nothing. */
function written({ type, write }: Format, output: object): Reply {
  const body = write(output);
  const headers = {
    ETag: etagOf(body),
    'Content-Type': `${type}; charset=utf-8`,
    'X-Content-Type-Options': 'nosniff',
    ...(type === 'text/html' && { 'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'" }),
  };
  return { status: 200, headers, body };
}

const notAcceptable = (what: string, types: string[]): Problem =>
  new Problem('malformed', `${what} comes as ${types.slice(0, -1).join(', ')} or ${types.at(-1)}.`, { status: 406 });

async function answerAct(ctx: Ctx, call: Call, values: Record<string, unknown>, res: Response): Promise<Reply | undefined> {
  const type = call.route.operation.tellsProgress ? call.accepts(['application/json', progressType]) : false;
  if (type !== progressType) return act(ctx, call, values);
  await answerWithProgress(res, ctx.log, progress => act(ctx, call, values, progress));
  return undefined;
}

function act(
  ctx: Ctx,
  { route, token, actor, received, headers }: Call,
  values: Record<string, unknown>,
  progress?: (line: string) => void,
): Promise<Reply> {
  const { operation } = route;
  const key = headers['idempotency-key'];
  const name = { tokenId: token.id, key: key?.toString(), request: [route.method, received.path, received.body] };
  return once(ctx, name, async () => {
    await checkIfMatch(ctx, route, values, headers['if-match']);
    const output = (await perform(ctx, { operation, values, actor }, progress)) as object;
    return { status: route.creates ? 201 : 200, body: output };
  });
}

async function answerList(
  ctx: Ctx,
  { route: { operation }, actor, received, accepts }: Call,
  { values, page: { limit, cursor } }: { values: Record<string, unknown>; page: Paging },
  res: Response,
): Promise<Reply | undefined> {
  const asked = { operation, values, actor };
  const type = accepts(['application/json', ...Object.keys(rowFormats)]);
  if (type === false) throw notAcceptable('A list', ['application/json', ...Object.keys(rowFormats)]);
  if (type !== 'application/json') {
    await writeRows(res, type, columnsOf(operation.output), pagesOf(ctx, asked, { limit: limit ?? Infinity, after: cursor }));
    return undefined;
  }
  const { items, next } = await performPage(ctx, asked, { limit: limit ?? 100, after: cursor });
  const query = new URLSearchParams(received.query);
  if (next) query.set('cursor', cursorOf(next));
  return { status: 200, ...(next && { headers: { Link: `<${received.path}?${query}>;rel="next"` } }), body: items };
}

/** Rows in memory at a time. */
const atOnce = 500;

async function* pagesOf(ctx: Ctx, asked: Asked, { limit, after }: Page): AsyncGenerator<unknown[]> {
  let left = limit;
  for (let from = after; left > 0; ) {
    const { items, next } = await performPage(ctx, asked, { limit: Math.min(atOnce, left), after: from });
    yield items;
    left -= items.length;
    from = next;
    if (!from) return;
  }
}
