import type { Answer, Json } from './acme-client.ts';
import { httpClient } from './http-client.ts';

/** Whoever has a token, or has none. */
export interface AdminClient {
  /** `path` begins at the root of the admin listener; a body that is no text goes out as JSON. */
  send(method: string, path: string, body?: object | string, headers?: Record<string, string>): Promise<Answer>;
  /** Below /admin/v1. @throws where the answer is none of success */
  get(path: string): Promise<Json>;
  post(path: string, body?: object): Promise<Json>;
  close(): void;
}

/** `at`: the address of the admin listener, and the root in PEM. */
export function adminClient(at: { adminUrl: string; root: string }, token?: string): AdminClient {
  const client = httpClient(at.adminUrl, at.root);
  const send: AdminClient['send'] = (method, path, body, headers = {}) =>
    client.send(
      method,
      path,
      {
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
      typeof body === 'object' ? JSON.stringify(body) : body,
    );
  const wanted = async (method: string, path: string, body?: object) => {
    const answer = await send(method, `/admin/v1${path}`, body);
    if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.body}`);
    return answer.json;
  };
  return { send, get: path => wanted('GET', path), post: (path, body = {}) => wanted('POST', path, body), close: client.close };
}
