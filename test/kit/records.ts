import { createHash, randomBytes } from 'node:crypto';
import { sealMember, searchHashes } from '../../src/ca/sealed/personal-data.ts';
import type { Ctx } from '../../src/ctx.ts';
import type { Account } from '../../src/model/account.ts';
import type { Authorization } from '../../src/model/authorization.ts';
import type { Certificate } from '../../src/model/certificate.ts';
import type { Challenge } from '../../src/model/challenge.ts';
import { base32 } from '../../src/model/encoding.ts';
import type { DomainProof, EabKey, Member, MemberDirectory, MemberPersonal } from '../../src/model/member.ts';
import type { Order } from '../../src/model/order.ts';
import type { Webhook } from '../../src/model/webhook.ts';
import { insertAccount } from '../../src/store/accounts.ts';
import { insertMember } from '../../src/store/members.ts';
import type { Db } from '../../src/store/open.ts';
import type { NewDelivery } from '../../src/store/webhook-deliveries.ts';
import { insertWebhook, type NewWebhook } from '../../src/store/webhooks.ts';

/** Records as the store takes them, with the fewest members; `more` brings the others. */

export const at0 = 1_790_000_000;
export const anId = (): string => base32(randomBytes(10));
export const bytes = (text: string): Buffer => createHash('sha256').update(text).digest();

export function aMember(more: Partial<Member> = {}): Member {
  return { id: anId(), status: 'active', personal: bytes('what is personal'), createdAt: at0, ...more };
}

export function anAccount(more: Partial<Account> = {}): Account {
  const thumbprint = randomBytes(32).toString('base64url');
  return {
    id: anId(),
    door: 'open',
    jwk: { kty: 'EC', crv: 'P-256', x: thumbprint, y: thumbprint },
    thumbprint,
    status: 'valid',
    createdAt: at0,
    ...more,
  };
}

export function anEabKey(memberId: string, more: Partial<EabKey> = {}): EabKey {
  return { kid: anId(), memberId, secret: bytes('secret'), expiresAt: at0 + 100, createdAt: at0, ...more };
}

export function aDirectory(memberId: string, more: Partial<MemberDirectory> = {}): MemberDirectory {
  return { id: anId(), memberId, createdAt: at0, ...more };
}

export function aProof(memberId: string, domain: string, more: Partial<DomainProof> = {}): DomainProof {
  return {
    id: anId(),
    memberId,
    domain,
    status: 'pending',
    mailbox: `hostmaster@${domain}`,
    expiresAt: at0 + 86400,
    createdAt: at0,
    ...more,
  };
}

export function anAuthorization(accountId: string, name: string, more: Partial<Authorization> = {}): Authorization {
  return { id: anId(), accountId, name, wildcard: false, status: 'pending', expiresAt: at0 + 86400, createdAt: at0, ...more };
}

export function aChallenge(authorizationId: string, more: Partial<Challenge> = {}): Challenge {
  return { id: anId(), authorizationId, type: 'http-01', token: randomBytes(16).toString('base64url'), status: 'pending', ...more };
}

export function anOrder(accountId: string, more: Partial<Order> = {}): Order {
  return {
    id: anId(),
    accountId,
    profile: 'xmpp-server',
    names: ['im.test'],
    authorizationIds: [],
    state: 'open',
    expiresAt: at0 + 86400,
    createdAt: at0,
    ...more,
  };
}

export function aCertificate(more: Partial<Certificate> = {}): Certificate {
  const serial = `01${randomBytes(15).toString('hex')}`;
  return {
    serial,
    issuerId: 'aabbccdd',
    shard: 0,
    profile: 'xmpp-server',
    names: [],
    state: 'committed',
    notBefore: at0,
    notAfter: at0 + 90 * 86400,
    spkiHash: bytes(`key ${serial}`),
    tbs: bytes(`tbs ${serial}`),
    mac: bytes(`mac ${serial}`),
    committedAt: at0,
    ...more,
  };
}

export function aWebhook(more: Partial<NewWebhook> = {}): NewWebhook {
  return { id: anId(), url: 'https://hooks.example/in', events: ['member.*'], secret: bytes('secret'), createdAt: at0, cursor: 0, ...more };
}

export function aDelivery(webhookId: string, index = 0, more: Partial<NewDelivery> = {}): NewDelivery {
  return { id: anId(), webhookId, type: 'member.added', index, ...more };
}

/** A member in the database; with a vault it has a name and contacts that can be opened. */
export async function storedMember(at: Db | Pick<Ctx, 'db' | 'vault'>, more: Partial<Member & MemberPersonal> = {}): Promise<Member> {
  const { name = 'Example Club', contacts = ['admin@club.test'], ...rest } = more;
  const member = aMember(rest);
  if (!('vault' in at)) {
    await insertMember(at, member);
    return member;
  }
  const sealed = { ...member, personal: sealMember(at, member.id, { name, contacts }) };
  await insertMember(at.db, sealed, searchHashes(at, { name, contacts }));
  return sealed;
}

/** An account in the database. */
export async function storedAccount(db: Db, more: Partial<Account> = {}): Promise<Account> {
  const account = anAccount(more);
  await insertAccount(db, account);
  return account;
}

/** A webhook in the database, as it is when nothing was sent to it. */
export async function storedWebhook(db: Db, more: Partial<NewWebhook> = {}): Promise<Webhook> {
  const webhook = aWebhook(more);
  await insertWebhook(db, webhook);
  return { ...webhook, failures: 0, nextAt: webhook.createdAt, fence: 0 } as Webhook;
}

/** Audit records as they were before there was a log: nobody has committed to them. */
export async function storedAudit(db: Db, count: number, at = at0): Promise<void> {
  const row = { at, action: 'member.added', outcome: 'done', who: 'operator', door: 'command-line', subject: '{"member":"m"}' };
  await db.batchInsert('audit', Array<object>(count).fill(row), 100);
}
