import { X509Certificate } from 'node:crypto';
import { fromPem } from '../../src/model/encoding.ts';
import type { AcmeClient, Answer } from './acme-client.ts';
import { type Node, parseTree } from './der-tree.ts';
import type { FakeNetwork } from './fake-network.ts';
import { type Issued, issue } from './issue.ts';

/** The certID (RFC 9773 §4.1) of the first certificate in PEM, from its bytes. */
export function certIdOf(chain: string): string {
  const [der = new Uint8Array()] = fromPem('CERTIFICATE', chain);
  const [certificate] = parseTree(der);
  const serial = certificate?.members?.[0]?.members?.[1]?.value;
  const keyIdentifier = find(certificate, n => n.members?.[0]?.value !== undefined && isAuthorityKeyId(n.members[0].value));
  const id = find(keyIdentifier, n => n.tag === 0x80)?.value;
  if (!serial || !id) throw new Error('the certificate has no serial or no authority key identifier');
  return [id, serial].map(bytes => Buffer.from(bytes).toString('base64url')).join('.');
}

/** 2.5.29.35. */
const isAuthorityKeyId = (oid: Uint8Array): boolean => Buffer.from(oid).toString('hex') === '551d23';

function find(node: Node | undefined, wanted: (node: Node) => boolean): Node | undefined {
  if (!node || wanted(node)) return node;
  for (const member of node.members ?? []) {
    const found = find(member, wanted);
    if (found) return found;
  }
  return undefined;
}

export const serialOf = (chain: string): string => new X509Certificate(chain).serialNumber.toLowerCase();

export const askRenewalInfo = (client: AcmeClient, chain: string): Promise<Answer> =>
  client.get(`${client.directory.renewalInfo}/${certIdOf(chain)}`);

/** Epoch seconds. */
export function windowIn({ json }: Answer): { start: number; end: number } {
  const [start, end] = [json.suggestedWindow.start, json.suggestedWindow.end].map(text => Date.parse(text) / 1000);
  return { start: start ?? Number.NaN, end: end ?? Number.NaN };
}

/**
 * A server that renews by renewal information, as RFC 9773 §4.2 recommends: `wake` asks, chooses a time at random within the window that it is told, and
 * renews where that has come or comes before it would next ask. @returns when to wake it again
 */
export function renewingServer(client: AcmeClient, net: Pick<FakeNetwork, 'pages'>, names: string[], random: () => number) {
  const server = {
    certificates: [] as Issued[],
    async wake(now: number): Promise<number> {
      const newest = server.certificates.at(-1);
      if (!newest) {
        server.certificates.push(await issue(client, net, names));
        return now;
      }
      const answer = await askRenewalInfo(client, newest.chain);
      const { start, end } = windowIn(answer);
      const next = now + Number(answer.headers['retry-after']);
      if (start + random() * (end - start) >= next) return next;
      server.certificates.push(await issue(client, net, names, { more: { replaces: certIdOf(newest.chain) } }));
      return now;
    },
  };
  return server;
}
