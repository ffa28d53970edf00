import { z } from 'zod';
import { isObject, parseJson } from '../../model/json.ts';
import { type Mistake, Problem } from '../../model/problem.ts';
import { fromWords } from '../../operations/schema-words.ts';
import type { Position } from '../../store/pages.ts';
import type { AdminRoute } from './routes.ts';

export const mostAPage = 1000;

/** What a list takes besides its filters. */
export const paging = z.object({
  limit: z.number().int().min(1).max(mostAPage).optional().describe(`at most so many; 100 unless said, ${mostAPage} at most`),
  cursor: z
    .string()
    .regex(/^\d{1,12}-[\w-]{1,80}$/, 'is none that the server gave')
    .transform(readCursor)
    .optional()
    .describe('where the page begins: from `Link: rel="next"`'),
});

export type Paging = z.output<typeof paging>;

function readCursor(text: string): Position {
  const dash = text.indexOf('-');
  return { at: Number(text.slice(0, dash)), id: text.slice(dash + 1) };
}

export const cursorOf = ({ at, id }: Position): string => `${at}-${id}`;

export interface Received {
  /** From the path. */
  params: Record<string, string>;
  query: URLSearchParams;
  contentType: string | undefined;
  body: Uint8Array;
}

/** The operation's input and, for a list, the page. @throws Problem with every mistake */
export function readInput(
  { operation, method, inPath }: AdminRoute,
  received: Received,
): { values: Record<string, unknown>; page: Paging } {
  const mistakes: Mistake[] = [];
  const { input } = operation;
  const pageWords = operation.page ? pick(received.query, Object.keys(paging.shape)) : {};
  const queryNames = method === 'get' ? Object.keys(input.shape).filter(name => !inPath.includes(name)) : [];
  const words = pick(received.query, queryNames);
  for (const name of new Set(received.query.keys())) {
    if (!(name in words) && !(name in pageWords)) mistakes.push({ detail: 'there is no such parameter', parameter: name });
    else if (received.query.getAll(name).length > 1) mistakes.push({ detail: 'is given more than once', parameter: name });
  }
  const body = method === 'post' ? readBody(received) : {};
  const named = Object.keys(body).filter(name => name in input.shape && !inPath.includes(name));
  for (const name of Object.keys(body))
    if (!named.includes(name)) mistakes.push({ detail: 'there is no such member', pointer: pointer([name]) });
  const members = Object.fromEntries(named.map(name => [name, body[name]]));

  for (const [name, value] of Object.entries({ ...members, ...words, ...received.params }))
    if (hasNul(value))
      mistakes.push({ detail: 'has a NUL character', ...(name in members ? { pointer: pointer([name]) } : { parameter: name }) });

  const values = input.safeParse({ ...members, ...fromWords(input, { ...words, ...received.params }) });
  const page = paging.safeParse(fromWords(paging, pageWords));
  const inBody = (name: PropertyKey | undefined) => method === 'post' && !inPath.includes(String(name));
  for (const { path, message } of [...(values.error?.issues ?? []), ...(page.error?.issues ?? [])])
    mistakes.push({ detail: message, ...(inBody(path[0]) ? { pointer: pointer(path) } : { parameter: String(path[0]) }) });
  if (!values.success || !page.success || mistakes.length) throw mistaken(mistakes);
  return { values: values.data, page: page.data };
}

const pick = (query: URLSearchParams, names: string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap(name => (query.has(name) ? [[name, query.get(name) ?? '']] : [])));

/** No text of ours has one, and not every database takes it. */
const hasNul = (value: unknown): boolean => JSON.stringify(value).includes('\\u0000');

/** JSON Pointer as a fragment (RFC 6901 §6). */
const pointer = (path: PropertyKey[]): string =>
  `#${path.map(p => `/${encodeURIComponent(String(p).replaceAll('~', '~0').replaceAll('/', '~1'))}`).join('')}`;

function mistaken(errors: Mistake[]): Problem {
  const where = ({ pointer, parameter }: Mistake) => pointer ?? parameter;
  return new Problem('malformed', `The request has mistakes: ${errors.map(e => `${where(e)}: ${e.detail}`).join('; ')}`, { errors });
}

function readBody({ body, contentType }: Received): Record<string, unknown> {
  if (body.length === 0) return {};
  if (!/^application\/json *(;|$)/i.test(contentType ?? ''))
    throw new Problem('malformed', 'The Content-Type of a request is application/json.', { status: 415 });
  const value = parse(body);
  if (!isObject(value)) throw new Problem('malformed', 'The request body is a JSON object.');
  return value;
}

function parse(body: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new Problem('malformed', `The request body is not JSON: ${error instanceof SyntaxError ? error.message : 'it is not UTF-8'}.`);
  }
}
