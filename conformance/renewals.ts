import { checkIssued, type Issued } from './openssl.ts';
import type { Trial } from './trial.ts';

export interface Client {
  issue(): Promise<Issued>;
  renew(key: 'new key' | 'same key'): Promise<Issued>;
}

/** One certificate, then a renewal with a new key, then one with the same key. */
export async function issueAndRenew(t: Trial, client: Client, names = t.names): Promise<void> {
  const first = await t.step('issue', async () => checkIssued(await client.issue(), t.ca.root, names));
  const second = await t.step('renew with a new key', async () => checkIssued(await client.renew('new key'), t.ca.root, names));
  const third = await t.step('renew with the same key', async () => checkIssued(await client.renew('same key'), t.ca.root, names));
  if (new Set([first.serial, second.serial, third.serial]).size !== 3) throw new Error('a renewal gave the old certificate');
  if (second.publicKey === first.publicKey) throw new Error('the renewal with a new key has the old one');
  if (third.publicKey !== second.publicKey) throw new Error('the renewal with the same key has another one');
}
