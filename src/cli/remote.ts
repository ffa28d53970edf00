import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { readNamed } from '../files/read-named.ts';
import { isObject } from '../model/json.ts';
import { type ErrorType, errorTypes, Problem } from '../model/problem.ts';
import type { Operation } from '../operations/operation.ts';
import { UsageError } from '../operations/usage-error.ts';
import type { Door, Input } from './door.ts';
import type { Globals } from './globals.ts';
import { remark } from './print.ts';
import { pathOf, type Terminal } from './terminal.ts';

interface Server {
  /** With the path of the API. */
  base: string;
  token: string;
  agent: HttpAgent | HttpsAgent;
  terminal: Terminal;
}

/** As which what takes long is answered, a line at a time. */
const ndjson = 'application/x-ndjson';

interface Answer {
  headers: IncomingMessage['headers'];
  json: unknown;
}

/** At another server, by its admin API. */
export function openThere(terminal: Terminal, globals: Globals & { server: string }): Door {
  const url = URL.canParse(globals.server) ? new URL(globals.server) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search || url.username)
    throw new UsageError('--server: is the origin of an admin listener, such as https://ca.example.org:8444');
  if (globals.config !== undefined) throw new UsageError('--config is not read with --server: leave one of them out');
  const token = tokenOf(terminal, globals);
  const ca = globals.ca === undefined ? undefined : readNamed('--ca', globals.ca, pathOf(terminal, globals.ca));
  const agent =
    url.protocol === 'https:' ? new HttpsAgent({ keepAlive: true, ...(ca !== undefined && { ca }) }) : new HttpAgent({ keepAlive: true });
  const server: Server = { base: `${url.origin}/admin/v1`, token, agent, terminal };
  return {
    run: async (operation, { json }) => (await call(server, operation, json)).json,
    async *pages(operation, { json }, limit) {
      let answer = await call(server, operation, json, { limit: String(limit) });
      for (;;) {
        yield answer.json as unknown[];
        const next = /<([^>]*)>; *rel="next"/.exec(String(answer.headers['link'] ?? ''))?.[1];
        if (next === undefined) return;
        answer = await call(server, operation, json, Object.fromEntries(new URL(next, server.base).searchParams));
      }
    },
    close: async () => agent.destroy(),
  };
}

function tokenOf(terminal: Terminal, { token, tokenFile }: Globals): string {
  const found =
    token ??
    (tokenFile === undefined ? terminal.env['XMPP_CA_TOKEN'] : readNamed('--token-file', tokenFile, pathOf(terminal, tokenFile)).trim());
  if (!found) throw new UsageError('--server wants a token: --token, --token-file or XMPP_CA_TOKEN');
  // Whatever else would be no header field, and said in words of its own.
  if (!/^[\w.~+/-]+=*$/.test(found)) throw new UsageError('the token has characters that no token has');
  return found;
}

/** Members of the input stand in the path, and else in the query or the body. */
async function call(
  server: Server,
  { name, http, tellsProgress }: Operation,
  json: Input['json'],
  page: Record<string, string> = {},
): Promise<Answer> {
  if (http === 'never')
    throw new UsageError(`--server: "${name}" needs a file of the operator's own, and is for the server's machine alone`);
  const rest = { ...json };
  const path = http.path.replace(/{(\w+)}/g, (_, name: string) => {
    delete rest[name];
    return encodeURIComponent(String(json[name]));
  });
  if (http.method === 'post') return send(server, 'POST', path, JSON.stringify(rest), tellsProgress ? ndjson : 'application/json');
  const query = new URLSearchParams({
    ...Object.fromEntries(Object.entries(rest).map(([name, v]) => [name, String(v)])),
    ...page,
  }).toString();
  return send(server, 'GET', path + (query && `?${query}`));
}

async function send(
  { base, token, agent, terminal }: Server,
  method: string,
  path: string,
  body?: string,
  accept = 'application/json',
): Promise<Answer> {
  const request = base.startsWith('https:') ? httpsRequest : httpRequest;
  const headers = {
    Authorization: `Bearer ${token}`,
    Accept: accept,
    ...(body !== undefined && { 'Content-Type': 'application/json' }),
  };
  const answered = new Promise<IncomingMessage>((resolve, reject) =>
    request(`${base}${path}`, { method, agent, headers }, resolve).on('error', reject).end(body),
  );
  const res = await answered.catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${base} cannot be reached: ${error.message || error.code}${isDistrust(error) ? ' (--ca names a root to trust)' : ''}`);
  });
  const { status, ...answer } = await read(terminal, res).catch((error: Error) => {
    throw new Error(`${base} broke off its answer (${error.message}): see what was done before you call again`);
  });
  if (status >= 200 && status < 300 && answer.json !== undefined) return answer;
  throw refusal(base, status, answer.json);
}

async function read(terminal: Terminal, res: IncomingMessage): Promise<Answer & { status: number }> {
  const { headers, statusCode: status = 0 } = res;
  if (headers['content-type'] !== ndjson) return { status, headers, json: parse(await text(res)) };
  let last: unknown;
  let rest = '';
  for await (const chunk of res.setEncoding('utf8')) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      last = parse(line);
      if (isObject(last) && typeof last['progress'] === 'string') remark(terminal, last['progress']);
    }
  }
  const { result, problem } = isObject(last) ? last : {};
  return isObject(problem) ? { status: Number(problem['status']), headers, json: problem } : { status, headers, json: result };
}

const isDistrust = ({ code }: NodeJS.ErrnoException): boolean => /CERT|SIGNATURE|ISSUER/.test(code ?? '');

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The server's problem document, as if it had been thrown here. */
function refusal(base: string, status: number, document: unknown): Error {
  if (!isObject(document) || typeof document['detail'] !== 'string')
    return new Error(`${base} answered ${status}, and not as an admin API does`);
  const type = String(document['type']).split(':').at(-1) ?? '';
  return new Problem(type in errorTypes ? (type as ErrorType) : 'serverInternal', document['detail'], {
    subproblems: (Array.isArray(document['subproblems']) ? document['subproblems'] : []).map(
      p => new Problem('malformed', String(p?.detail)),
    ),
  });
}
