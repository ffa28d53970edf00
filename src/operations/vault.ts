import { z } from 'zod';
import { keysInUse, retireKeys, rotateKeys, rotateRootKey } from '../ca/authority/change-keys.ts';
import { usedKeyId } from '../ca/authority/hierarchy.ts';
import { operation } from './operation.ts';

const count = z.number().int();
const rootKey = z.string().optional().describe("file with the root's key; default keys/root.key in the data folder");

export const vaultOperations = [
  operation({
    name: 'vault status',
    summary: 'the key-encryption keys, and how much is encrypted under each',
    scope: 'admin',
    http: { method: 'get', path: '/vault' },
    input: z.object({}),
    output: z.object({
      current: z.string().describe('the id of the key that everything is encrypted under from now on'),
      complete: z.boolean().describe('whether the last change of the key is finished'),
      keys: z.array(z.object({ key: z.string(), here: z.boolean(), sealed: count })),
    }),
    async run(ctx) {
      const keys = await keysInUse(ctx);
      return {
        current: ctx.vault.keyId,
        complete: (await usedKeyId(ctx.db)) === ctx.vault.keyId,
        keys: keys.map(({ key, isHere, sealed }) => ({ key, here: isHere, sealed })),
      };
    },
  }),
  operation({
    name: 'vault rotate',
    summary: 'make a new key-encryption key and encrypt everything anew under it; after an interruption call it again',
    scope: 'admin',
    http: 'never',
    input: z.object({ rootKey }),
    output: z.object({ key: z.string(), sealed: count, rootKey: z.enum(['encrypted anew', 'away']) }),
    run: (ctx, { rootKey }, actor, progress) => rotateKeys(ctx, rootKey, actor, progress),
    remark: (_, { rootKey }) =>
      rootKey === 'away'
        ? 'the root\'s key was not here: bring it back for "vault root-key", or keep the old key-encryption key with it'
        : undefined,
  }),
  operation({
    name: 'vault root-key',
    summary: "encrypt the root's key anew under the newest key-encryption key, where it was away when that was made",
    scope: 'admin',
    http: 'never',
    input: z.object({ rootKey }),
    output: z.object({ key: z.string(), file: z.string() }),
    run: async (ctx, { rootKey }, actor) => ({ file: await rotateRootKey(ctx, rootKey, actor), key: ctx.vault.keyId }),
  }),
  operation({
    name: 'vault retire',
    summary: 'drop the older key-encryption keys, once nothing needs them; backups from before need them still',
    scope: 'admin',
    http: 'never',
    input: z.object({
      force: z.boolean().default(false).describe("although mailed codes, answers under an Idempotency-Key or the root's key need them"),
    }),
    output: z.object({ retired: z.array(z.string()), fromEnvironment: z.boolean() }),
    async run(ctx, { force }, actor, progress) {
      const retired = await retireKeys(ctx, force, actor, progress);
      return { retired, fromEnvironment: ctx.config.keys.encryptionKey !== undefined };
    },
    remark: (_, { retired, fromEnvironment }) =>
      retired.length && fromEnvironment ? 'nothing needs them any more: take them out of XMPP_CA_KEY' : undefined,
  }),
];
