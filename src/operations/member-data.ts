import { z } from 'zod';
import { openPersonal } from '../ca/audit/record.ts';
import { eraseMember } from '../ca/members/erase.ts';
import { concernsOf, messagesAbout, recordsAbout } from '../ca/members/records-about.ts';
import type { Ctx } from '../ctx.ts';
import { rfc3339 } from '../model/encoding.ts';
import { groupBy } from '../model/group-by.ts';
import { plural } from '../model/plural.ts';
import { listAccounts, retiredKeysOfMember } from '../store/accounts.ts';
import type { AuditRecord } from '../store/audit.ts';
import { authorizationsOfMember, challengesOfMember } from '../store/authorizations.ts';
import { countLiving, listCertificates } from '../store/certificates.ts';
import { listDirectories, listEabKeys, listThumbprints } from '../store/doors.ts';
import { listOrders } from '../store/orders.ts';
import { listProofs } from '../store/proofs.ts';
import { accountShown, showAccount } from './account.ts';
import { authorizationShown, showAuthorizations } from './authorization.ts';
import { certShown, showCert } from './cert.ts';
import { directoryShown, showDirectory } from './directory.ts';
import { domainShown, showDomain } from './domain.ts';
import { eabShown, showEab } from './eab.ts';
import { memberOf, memberShown, showMember } from './member.ts';
import { memberId, operation, time } from './operation.ts';
import { orderShown, showOrders } from './order.ts';
import { outboxShown, showOutbox } from './outbox.ts';

const recordShown = z.object({
  at: time,
  action: z.string(),
  outcome: z.string(),
  who: z.string(),
  door: z.string(),
  subject: z.record(z.string(), z.string()),
  detail: z.record(z.string(), z.unknown()).optional(),
  personal: z.record(z.string(), z.string()).optional(),
});

/** The address of whoever else did something to the member is that person's, and none of the member's business. */
function showRecord(ctx: Ctx, { at, action, outcome, who, door, subject, detail, ...sealed }: AuditRecord, isOwn: boolean) {
  const personal = isOwn ? openPersonal(ctx, sealed) : {};
  return {
    ...{ at: rfc3339(at), action, outcome, who, door, subject },
    ...(detail && { detail }),
    ...(Object.keys(personal).length && { personal }),
  };
}

const exportedAccount = accountShown.extend({
  jwk: z.record(z.string(), z.string()),
  formerKeys: z.array(z.object({ thumbprint: z.string(), retiredAt: time })),
  termsAgreed: z.string().optional(),
  externalAccountBinding: z.record(z.string(), z.unknown()).optional(),
});

async function exportAccounts(ctx: Ctx, memberId: string): Promise<z.input<typeof exportedAccount>[]> {
  const formerOf = groupBy(await retiredKeysOfMember(ctx.db, memberId), key => key.accountId);
  return (await listAccounts(ctx.db, { memberId })).map(account => {
    const { id, jwk, termsAgreed, externalAccountBinding } = account;
    return {
      ...showAccount(ctx, account),
      jwk: { ...jwk },
      formerKeys: (formerOf.get(id) ?? []).map(({ thumbprint, retiredAt }) => ({ thumbprint, retiredAt: rfc3339(retiredAt) })),
      ...(termsAgreed !== undefined && { termsAgreed }),
      ...(externalAccountBinding && { externalAccountBinding }),
    };
  });
}

const everything = { limit: Number.MAX_SAFE_INTEGER };

const exportedOrder = orderShown.extend({
  replaces: z.string().optional().describe('serial of the certificate that it is to replace (RFC 9773)'),
});

async function exportOrders(ctx: Ctx, memberId: string): Promise<z.input<typeof exportedOrder>[]> {
  const orders = await listOrders(ctx.db, { memberId }, ctx.now(), everything);
  const replaced = new Map(orders.map(({ id, replaces }) => [id, replaces?.serial]));
  return (await showOrders(ctx, orders)).map(order => ({ ...order, replaces: replaced.get(order.id) }));
}

async function gather<T>(batches: AsyncIterable<T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const batch of batches) all.push(...batch);
  return all;
}

export const memberDataOperations = [
  operation({
    name: 'member export',
    summary: 'everything that is held about a member, as one JSON document; without secrets',
    scope: 'members',
    http: { method: 'get', path: '/members/{id}/export' },
    showsPersonal: true,
    makesFile: true,
    positional: ['id'],
    input: z.object({ id: memberId }),
    output: z.object({
      format: z.literal('xmpp-ca member export, version 1'),
      authority: z.string().describe('who holds it'),
      exportedAt: time,
      member: memberShown,
      accounts: z.array(exportedAccount),
      eabKeys: z.array(eabShown),
      directories: z.array(directoryShown),
      thumbprints: z.array(z.object({ thumbprint: z.string(), createdAt: time, usedAt: time.optional() })),
      domainProofs: z.array(domainShown.extend({ evidence: z.record(z.string(), z.unknown()).optional() })),
      authorizations: z.array(authorizationShown),
      orders: z.array(exportedOrder),
      certificates: z.array(certShown),
      messages: z.array(outboxShown).describe('what it was written; the texts are not kept'),
      audit: z.array(recordShown).describe('records of what it did, with the addresses that it came from, and of what was done to it'),
    }),
    async run(ctx, { id }) {
      const { db } = ctx;
      const member = await memberOf(ctx, id);
      const now = ctx.now();
      const concerns = await concernsOf(db, id);
      return {
        format: 'xmpp-ca member export, version 1' as const,
        authority: ctx.config.publicUrl,
        exportedAt: rfc3339(now),
        member: showMember(ctx, member),
        accounts: await exportAccounts(ctx, id),
        eabKeys: (await listEabKeys(db, undefined, id)).map(key => showEab(ctx, key)),
        directories: (await listDirectories(db, undefined, id)).map(showDirectory),
        thumbprints: (await listThumbprints(db, id)).map(({ thumbprint, createdAt, usedAt }) => ({
          thumbprint,
          createdAt: rfc3339(createdAt),
          ...(usedAt !== undefined && { usedAt: rfc3339(usedAt) }),
        })),
        domainProofs: (await listProofs(db, { memberId: id })).map(proof => ({
          ...showDomain(proof, now),
          ...(proof.evidence && { evidence: proof.evidence }),
        })),
        authorizations: showAuthorizations(await authorizationsOfMember(db, id), await challengesOfMember(db, id), now),
        orders: await exportOrders(ctx, id),
        certificates: (await listCertificates(db, { member: id }, now, everything)).map(certificate => showCert(certificate, now)),
        messages: (await gather(messagesAbout(db, concerns))).map(showOutbox),
        audit: (await gather(recordsAbout(db, concerns))).map(r => showRecord(ctx, r, concerns.isActor(r))),
      };
    },
  }),
  operation({
    name: 'member erase',
    summary: 'remove name, contacts, labels and addresses of a member that has left, for good; certificates, proofs and the log stay',
    scope: 'admin',
    http: { method: 'post', path: '/members/{id}/erase' },
    tellsProgress: true,
    positional: ['id'],
    input: z.object({ id: memberId, force: z.boolean().default(false).describe('also one that has not left: it leaves at once') }),
    output: memberShown.extend({ records: z.number().int().describe('records of the audit log in which something was erased') }),
    async run(ctx, { id, force }, actor, progress) {
      const say = (done: number) => progress?.(`${plural(done, 'record')} done`);
      const records = await eraseMember(ctx, await memberOf(ctx, id), { force, actor, progress: say });
      const living = await countLiving(ctx.db, { member: id }, ctx.now());
      if (living) progress?.(`it still holds ${plural(living, 'living certificate')}, of which it is told no more`);
      return { ...showMember(ctx, await memberOf(ctx, id)), records };
    },
  }),
];
