import { z } from 'zod';
import { beginLogAnew } from '../ca/audit/begin-log.ts';
import { logUrl, noteKeyOf } from '../ca/audit/identity.ts';
import { proveCertificate } from '../ca/audit/prove-certificate.ts';
import { openPersonal } from '../ca/audit/record.ts';
import { verifyAudit } from '../ca/audit/verify.ts';
import type { Ctx } from '../ctx.ts';
import { auditActions, auditOutcomes } from '../model/audit.ts';
import { base64, rfc3339 } from '../model/encoding.ts';
import { type AuditRecord, listAudit } from '../store/audit.ts';
import { currentLog, type LogRecord } from '../store/log.ts';
import { verifierKey } from '../tlog/note.ts';
import { serial } from './certificate-filter.ts';
import { listing } from './listing.ts';
import { found, memberId, moment, type Outside, operation, time } from './operation.ts';
import { verifyFromOutside } from './verify-from-outside.ts';

const shown = z.object({
  id: z.number(),
  /** Its place in the log; absent while it has none. */
  index: z.number().optional(),
  at: time,
  action: z.enum(auditActions),
  outcome: z.enum(auditOutcomes),
  who: z.string(),
  door: z.string(),
  subject: z.record(z.string(), z.string()),
  detail: z.record(z.string(), z.unknown()).optional(),
  personal: z.union([z.record(z.string(), z.string()), z.literal('erased')]).optional(),
});

/** Where what is personal is not asked for, it is not opened. */
function show(ctx: Ctx, record: AuditRecord): z.input<typeof shown> {
  const { id, at, seal, action, outcome, who, door, subject, detail, personalHash } = record;
  return {
    ...{ id, at: rfc3339(at), action, outcome, who, door, subject },
    ...(seal && { index: seal.index }),
    ...(detail && { detail }),
    ...(personalHash && { personal: record.personal ? openPersonal(ctx, record) : ('erased' as const) }),
  };
}

const keyShown = z.object({ origin: z.string(), key: z.string(), url: z.string() });
const showKey = (ctx: Ctx, log: LogRecord) => ({ origin: log.origin, key: verifierKey(noteKeyOf(log)), url: logUrl(ctx) });

const text = z.string().max(200).optional();

export const auditOperations = [
  listing({
    name: 'audit show',
    summary: 'what was done, by whom, through which door; the newest first',
    scope: 'admin',
    http: { method: 'get', path: '/audit' },
    input: z.object({
      action: z.enum(auditActions).optional().describe('such as certificate.issued'),
      outcome: z.enum(auditOutcomes).optional().describe('done or refused'),
      who: text.describe('operator, account:ID, token:ID, clock, …'),
      door: text.describe('acme, admin, command-line, clock'),
      member: memberId.optional().describe('what concerns this member'),
      account: text.describe('… this account'),
      order: text.describe('… this order'),
      serial: serial.optional().describe('… this certificate'),
      since: moment.optional().describe('from this time on (RFC 3339)'),
      until: moment.optional().describe('until this time'),
    }),
    showsPersonal: true,
    item: shown,
    read: (ctx, { action, outcome, who, door, since, until, ...named }, page) => {
      const subject = Object.fromEntries(Object.entries(named).filter((each): each is [string, string] => each[1] !== undefined));
      return listAudit(ctx.db, { action, outcome, who, door, subject, since, until }, page);
    },
    show: (ctx, records) => records.map(record => show(ctx, record)),
    at: ({ at, id }) => ({ at, id: String(id) }),
  }),
  operation({
    name: 'audit verify',
    summary: 'compute the log again from the database, and compare it with its tree and every checkpoint; or check a published one',
    scope: 'admin',
    http: { method: 'post', path: '/audit/verify' },
    input: z.object({}),
    output: z.object({
      size: z.number(),
      root: z.string(),
      checkpoints: z.number(),
      kept: z.number(),
      lost: z.number(),
      unsealed: z.number(),
    }),
    tellsProgress: true,
    outside: verifyFromOutside as unknown as Outside,
    async run(ctx, _, __, progress) {
      const { root, ...rest } = await verifyAudit(ctx, undefined, progress);
      return { ...rest, root: base64(root) };
    },
  }),
  operation({
    name: 'audit begin-anew',
    summary: 'after the loss of what was signed, as with a restored database: go on under a new name and key',
    scope: 'admin',
    http: 'never',
    input: z.object({ reason: z.string().min(3).max(500).describe('what happened, for whoever reads the log; no names of persons') }),
    output: keyShown,
    run: async (ctx, { reason }, actor) => showKey(ctx, await beginLogAnew(ctx, reason, actor)),
  }),
  operation({
    name: 'audit prove',
    summary: 'that the issuance of a certificate is in the log, as a proof to be kept (C2SP tlog-proof)',
    scope: 'read',
    http: { method: 'get', path: '/audit/proofs/{serial}' },
    positional: ['serial'],
    input: z.object({ serial }),
    output: z.object({ serial: z.string(), index: z.number(), size: z.number(), proof: z.string() }),
    async run(ctx, { serial }) {
      const { index, size, text } = found(await proveCertificate(ctx, serial), `entry of a certificate ${serial} in the log, or not yet`);
      return { serial, index, size, proof: text };
    },
  }),
  operation({
    name: 'audit key',
    summary: 'the key that the log is signed with, as verifiers want it, and where the log is',
    scope: 'read',
    http: { method: 'get', path: '/audit/key' },
    input: z.object({}),
    output: keyShown,
    run: async ctx => showKey(ctx, found(await currentLog(ctx.db), 'log')),
  }),
];
