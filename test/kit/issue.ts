import type { KeyObject } from 'node:crypto';
import { type AcmeClient, type Answer, type Json, newKey } from './acme-client.ts';
import { makeCsr } from './csr.ts';
import type { FakeNetwork } from './fake-network.ts';

/** Answers the http-01 challenge of every pending authorization of an order, and waits for the outcome. */
export async function answerHttp01(client: AcmeClient, net: Pick<FakeNetwork, 'pages'>, order: Json): Promise<void> {
  for (const url of order.authorizations) {
    const { json: authorization } = await client.read(url);
    if (authorization.status !== 'pending') continue;
    const challenge = authorization.challenges.find((c: Json) => c.type === 'http-01');
    net.pages.set(
      `http://${authorization.identifier.value}/.well-known/acme-challenge/${challenge.token}`,
      client.keyAuthorization(challenge.token),
    );
    await client.post(challenge.url, {});
    await client.poll(url, a => a.status !== 'pending');
  }
}

export interface Issued {
  orderUrl: string;
  order: Json;
  /** PEM. */
  chain: string;
  key: KeyObject;
}

/** One whole issuance by http-01. @throws with the answer where anything is refused */
export async function issue(
  client: AcmeClient,
  net: Pick<FakeNetwork, 'pages'>,
  names: string[],
  { key = newKey(), more = {} }: { key?: KeyObject; more?: object } = {},
): Promise<Issued> {
  const created = expect(await client.newOrder(names, more), 201);
  const orderUrl = String(created.headers['location']);
  await answerHttp01(client, net, created.json);
  const csr = makeCsr(key, names).toString('base64url');
  const finalized = expect(await client.post(created.json.finalize, { csr }), 200);
  const { body } = expect(await client.read(finalized.json.certificate), 200);
  return { orderUrl, order: finalized.json, chain: body.toString(), key };
}

export function expect(answer: Answer, status: number): Answer {
  if (answer.status !== status) throw new Error(`status ${answer.status} instead of ${status}: ${answer.body.toString()}`);
  return answer;
}
