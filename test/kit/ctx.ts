import type { KeyObject } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLog, openCtx } from '../../src/app.ts';
import { finalize } from '../../src/ca/issuance/finalize.ts';
import { parseConfig } from '../../src/config.ts';
import type { Ctx } from '../../src/ctx.ts';
import type { Account } from '../../src/model/account.ts';
import { operator } from '../../src/model/audit.ts';

import type { Authorization } from '../../src/model/authorization.ts';
import type { Certificate } from '../../src/model/certificate.ts';
import type { Member } from '../../src/model/member.ts';
import type { Order } from '../../src/model/order.ts';
import { type Channel, DeliveryError, type Notice } from '../../src/notify/channel.ts';
import { perform } from '../../src/operations/perform.ts';
import { fromWords } from '../../src/operations/schema-words.ts';
import { operations } from '../../src/operations/table.ts';
import { insertAuthorizations } from '../../src/store/authorizations.ts';
import { insertOrder } from '../../src/store/orders.ts';
import { type Json, newKey } from './acme-client.ts';
import type { Engine } from './ca.ts';
import { findCertificateByOrder } from './certificate-of-order.ts';
import { makeCsr } from './csr.ts';
import { type FakeNetwork, fakeNetwork } from './fake-network.ts';
import { afterFirstStart } from './first-start.ts';
import { anAuthorization, anOrder, at0, storedAccount, storedMember } from './records.ts';

/** A channel that keeps what it is given, and fails when it is told to. */
export interface FakeChannel extends Channel {
  sent: Notice[];
  /** Thrown instead of sending, once each, the first first. */
  failures: (DeliveryError | Error)[];
  /** Awaited before each sending. */
  hold?: (() => Promise<void>) | undefined;
}

export function fakeChannel(): FakeChannel {
  const channel: FakeChannel = {
    sent: [],
    failures: [],
    async send(notice) {
      await channel.hold?.();
      const failure = channel.failures.shift();
      if (failure) throw failure;
      channel.sent.push(notice);
      return { refused: 0 };
    },
    close() {},
  };
  return channel;
}

export const refusal = (permanent: boolean, status?: string) =>
  new DeliveryError(`the mail server answered ${permanent ? 550 : 451}`, permanent, status);

/** What the authority acts with, without listeners and without the clock's jobs: nothing happens by itself. */
export interface TestCtx {
  ctx: Ctx;
  net: FakeNetwork;
  mail: FakeChannel;
  clock: { now: number };
  folder: string;
  database: string;
  /** Another process on the same database: its own connection, vault and background. */
  another(options?: { dataDir?: string; env?: Record<string, string> }): Promise<TestCtx>;
  /** An operation, as the command line runs it. */
  run(name: string, input?: object): Promise<Json>;
  close(): Promise<void>;
}

interface Options {
  engine?: Engine;
  config?: Record<string, object>;
}

export async function openTestCtx({ engine, config }: Options = {}): Promise<TestCtx> {
  const folder = await mkdtemp(join(tmpdir(), 'xmpp-ca-ctx-'));
  const file = join(folder, 'data/ca.db');
  const clock = { now: at0 };
  let database = `sqlite:${file}`;
  const opened = new Set<{ close(): Promise<void> }>();
  const open = async ({ dataDir = 'data', env }: { dataDir?: string; env?: Record<string, string> } = {}): Promise<TestCtx> => {
    const { validation, ...rest } = config ?? {};
    const settings = parseConfig(
      { dataDir, database, log: 'silent', ...rest, validation: { allowPrivateAddresses: true, ...validation } },
      folder,
      env,
    );
    const net = fakeNetwork();
    const mail = fakeChannel();
    if (opened.size === 0) database = await afterFirstStart(engine ?? 'sqlite', settings, file, at0);
    const ctx = await openCtx({ ...settings, database }, { net, now: () => clock.now, log: createLog('silent') });
    ctx.channels.mail = mail;
    opened.add(ctx);
    return {
      ctx,
      net,
      mail,
      clock,
      folder,
      database,
      another: open,
      async run(name, input = {}) {
        const operation = operations.find(o => o.name === name);
        if (!operation) throw new Error(`there is no operation "${name}"`);
        const output = await perform(ctx, {
          operation,
          values: operation.input.parse(fromWords(operation.input, { ...input })),
          actor: operator,
        });
        await ctx.background.settled();
        return output;
      },
      async close() {
        for (const each of opened) await each.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  };
  return open();
}

export interface ReadyOrder {
  member: Member;
  account: Account;
  authorizations: Authorization[];
  order: Order;
  csr: Uint8Array;
}

/** An order that lacks nothing but its finalization. */
export async function readyOrder(
  { ctx }: TestCtx,
  names: string[] = ['im.test'],
  more: { order?: Partial<Order>; authorization?: Partial<Authorization>; member?: Member; key?: KeyObject } = {},
): Promise<ReadyOrder> {
  const now = ctx.now();
  const member = more.member ?? (await storedMember(ctx));
  const account = await storedAccount(ctx.db, { memberId: member.id, door: 'eab', doorId: 'kid' });
  const authorizations = names.map(name =>
    anAuthorization(account.id, name, {
      status: 'valid',
      method: 'http-01',
      expiresAt: now + 86400,
      createdAt: now,
      ...more.authorization,
    }),
  );
  await insertAuthorizations(ctx.db, authorizations, []);
  const order = anOrder(account.id, {
    names,
    authorizationIds: authorizations.map(a => a.id),
    expiresAt: now + 86400,
    createdAt: now,
    ...more.order,
  });
  await insertOrder(ctx.db, order);
  return { member, account, authorizations, order, csr: makeCsr(more.key ?? newKey(), names) };
}

export function finalizeOrder({ ctx }: TestCtx, { account, member, order, csr }: ReadyOrder): Promise<Order> {
  return finalize(ctx, { account, member, actor: { who: `account:${account.id}`, door: 'acme' } }, order, csr);
}

/** A whole issuance. */
export async function issued(at: TestCtx, names?: string[], more?: Parameters<typeof readyOrder>[2]): Promise<Certificate> {
  const ready = await readyOrder(at, names, more);
  await finalizeOrder(at, ready);
  const certificate = await findCertificateByOrder(at.ctx.db, ready.order.id);
  if (!certificate) throw new Error('no certificate was issued');
  return certificate;
}

/** A row as a crash between commit and signature leaves it: the signer fails once, and nobody holds the claim any more. */
export async function crashedWhileSigning(
  at: TestCtx,
  names?: string[],
  more?: Parameters<typeof readyOrder>[2],
): Promise<ReadyOrder & { serial: string }> {
  const ready = await readyOrder(at, names, more);
  const { signer } = at.ctx.authority.active;
  const { sign } = signer;
  signer.sign = async () => {
    throw new Error('the power went out');
  };
  try {
    await finalizeOrder(at, ready).then(
      () => {
        throw new Error('it was signed');
      },
      () => {},
    );
  } finally {
    signer.sign = sign;
  }
  const certificate = await findCertificateByOrder(at.ctx.db, ready.order.id);
  if (certificate?.state !== 'committed') throw new Error(`the row is ${certificate?.state}`);
  await letClaimLapse(at, certificate.serial);
  return { ...ready, serial: certificate.serial };
}

export async function letClaimLapse({ ctx }: TestCtx, serial: string): Promise<void> {
  await ctx.db('certificates').where({ serial }).update({ claim_until: 0 });
}
