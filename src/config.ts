import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, isAbsolute, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { challengeTypeNames } from './model/challenge.ts';
import type { NamePolicy } from './model/identifier.ts';

const address = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^:\s]+):\d{1,5}$/, { error: 'is host:port, such as 127.0.0.1:8443', abort: true })
  .refine(text => Number(text.slice(text.lastIndexOf(':') + 1)) <= 65535, { error: 'has a port above 65535', abort: true });
const resolver = address.refine(
  text => isIP(hostAndPort(text).host) !== 0,
  'is an IP address and a port, such as 192.0.2.53:53 or [2001:db8::53]:53',
);
const origin = (protocols: string[]) =>
  z.string().refine(text => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    return url !== undefined && protocols.includes(url.protocol) && url.origin === text;
  }, `is an origin, such as ${protocols[0]}//ca.example.org, without a path or a final slash`);
const port = z.number().int().min(1).max(65535);
const file = z.string().min(1);
const tls = z.union([z.literal('off'), z.strictObject({ cert: file, key: file })], 'is off, or { cert: FILE, key: FILE }');
/** For people. */
const line = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .regex(/^\P{C}*$/u, 'has no control characters')
  .nullable()
  .default(null);
const mailAddress = z.string().regex(/^[^\s@<>"]+@[^\s@<>"]+$/, 'is a mail address');

/** What a configuration file may say. */
export const configSchema = z.strictObject({
  publicUrl: origin(['https:', 'http:']).default('https://localhost:8443'),
  listen: address.default('127.0.0.1:8443'),
  tls: tls.optional(),
  trustProxy: z.array(z.string()).default([]),
  status: z
    .strictObject({
      listen: address.default('127.0.0.1:8080'),
      publicUrl: origin(['http:']).default('http://localhost:8080'),
      crlShards: z.number().int().min(1).max(1000).default(1),
      crlDays: z.number().int().min(1).max(90).default(7),
    })
    .prefault({}),
  admin: z
    .strictObject({
      listen: address.default('127.0.0.1:8444'),
      tls: tls.optional(),
      requestsPerMinute: z.number().int().min(1).default(600),
    })
    .prefault({}),
  dataDir: file.default('./data'),
  keys: z.strictObject({ encryptionKeyFile: file.optional() }).prefault({}),
  database: z
    .string()
    .regex(/^(sqlite:.+|postgres(ql)?:\/\/.+)$/, 'is sqlite:FILE or postgres://user:password@host/database')
    .optional(),
  validation: z
    .strictObject({
      methods: z
        .array(z.enum(challengeTypeNames))
        .min(1)
        .default([...challengeTypeNames]),
      resolvers: z.array(resolver).default([]),
      httpPort: port.default(80),
      tlsPort: port.default(443),
      allowPrivateAddresses: z.boolean().default(false),
      caaIdentities: z.array(z.string()).default([]),
    })
    .prefault({}),
  mail: z
    .strictObject({
      transport: z
        .string()
        .regex(/^(file:.+|smtps?:\/\/.+)$/, 'is file:FOLDER or smtp://user:password@host:587')
        .default('file:./data/mail'),
      from: mailAddress.default('certmaster@localhost'),
      dkim: z.strictObject({ domain: z.string(), selector: z.string(), keyFile: file }).optional(),
    })
    .prefault({}),
  policy: z
    .strictObject({
      mailboxes: z
        .array(z.string().regex(/^[a-z0-9._-]+$/, 'is the local part of a mailbox'))
        .min(1)
        .default(['hostmaster', 'postmaster', 'webmaster']),
      externalAccountRequired: z.boolean().default(true),
      wildcards: z.boolean().default(false),
      maxNames: z.number().int().min(1).max(100).default(100),
      termsOfService: z
        .url({ protocol: /^https$/ })
        .nullable()
        .default(null),
      refuseNames: z.array(z.string()).default([]),
      duplicatesPerWeek: z.number().int().min(1).default(20),
      proofDays: z.number().int().min(1).max(3650).default(365),
      expiryNoticeDays: z.array(z.number().int().min(1).max(365)).default([20, 7, 1]),
      keepDays: z.number().int().min(1).max(3650).default(30),
      policyOids: z
        .array(z.string().regex(/^([01]\.(\d|[1-3]\d)|2\.(0|[1-9]\d{0,8}))(\.(0|[1-9]\d{0,8}))+$/, 'is an object identifier'))
        .refine(list => new Set(list).size === list.length, 'names a policy twice')
        .default([]),
      federation: line,
      contact: line,
      cpsUrl: z
        .string()
        .regex(/^https?:\/\/[\x21-\x7e]+$/, 'is an http or https URL in ASCII')
        .optional(),
      weakKeyLists: z.array(file).default([]),
    })
    .prefault({}),
  report: z.strictObject({ closeDays: z.number().int().min(1).max(60).default(5) }).prefault({}),
  privacy: z
    .strictObject({
      keepAddressDays: z.number().int().min(1).max(3650).default(180),
      keepContactDays: z.number().int().min(1).max(3650).default(90),
    })
    .prefault({}),
  log: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
});

type Parsed = z.infer<typeof configSchema>;

/** All settings, frozen; every path absolute. The keys are those of config.yaml. */
export type Config = Readonly<
  Omit<Parsed, 'database' | 'keys' | 'tls' | 'admin' | 'policy'> & {
    database: string;
    tls: Parsed['tls'] | undefined;
    admin: Omit<Parsed['admin'], 'tls'> & { tls: Parsed['tls'] | undefined };
    /** The key-encryption keys: where they lie, or themselves from the environment, with commas between. */
    keys: { encryptionKeyFile: string; encryptionKey?: string };
    policy: Parsed['policy'] & { cpsUrl: string };
    /** The configuration file, where there is one. */
    file?: string;
  }
>;

/** The listeners with TLS, which have a certificate of the CA's own where no other is given. */
export type OwnListener = 'public' | 'admin';

/** A bad configuration: one line a mistake. */
export class ConfigError extends Error {}

/**
 * Reads `--config FILE`, else `XMPP_CA_CONFIG`, else `./config.yaml` if it exists, else takes the defaults.
 * `DATABASE_URL` overrides `database`, `XMPP_CA_KEY` the key-encryption key.
 * @throws ConfigError that names every wrong key at once
 */
export function readConfig(file: string | undefined, env: NodeJS.ProcessEnv, cwd = process.cwd()): Config {
  const named = file ?? env['XMPP_CA_CONFIG'];
  const inPlace = resolve(cwd, 'config.yaml');
  const path = named === undefined ? inPlace : resolve(cwd, named);
  if (named === undefined && !existsSync(inPlace)) return parseConfig({}, cwd, env);
  return { ...parseConfig(readYaml(path), dirname(path), env), file: path };
}

/** The same from a value: what tests start from. Relative paths are relative to `folder`. */
export function parseConfig(value: unknown, folder: string, env: NodeJS.ProcessEnv = {}): Config {
  const result = configSchema.safeParse(value ?? {});
  const mistakes = result.success ? [] : result.error.issues.map(describe);
  const key = env['XMPP_CA_KEY'];
  if (key?.split(',').some(one => Buffer.from(one, 'base64').length !== 32))
    mistakes.push('XMPP_CA_KEY: is 32 bytes in base64, or several such keys with commas between, the newest first');
  const url = env['DATABASE_URL'];
  if (url !== undefined && !configSchema.shape.database.safeParse(url).success)
    mistakes.push('DATABASE_URL: is sqlite:FILE or postgres://user:password@host/database');
  if (!result.success || mistakes.length) throw new ConfigError(mistakes.join('\n'));
  return freeze(resolvePaths(result.data, folder, url, key));
}

function readYaml(path: string): unknown {
  try {
    return parseYaml(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`${path}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`);
  }
}

function describe(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map(k => `${path ? `${path}.` : ''}${k}: there is no such key`).join('\n');
  return `${path || 'the file'}: ${issue.message}`;
}

function resolvePaths(parsed: Parsed, folder: string, databaseUrl: string | undefined, encryptionKey: string | undefined): Config {
  const at = (path: string) => (isAbsolute(path) ? path : resolve(folder, path));
  const dataDir = at(parsed.dataDir);
  const database = databaseUrl ?? parsed.database ?? `sqlite:${resolve(dataDir, 'ca.db')}`;
  const { transport, dkim } = parsed.mail;
  return {
    ...parsed,
    dataDir,
    database: database.startsWith('sqlite:') ? `sqlite:${at(database.slice(7))}` : database,
    tls: tlsFiles(parsed.tls, at),
    admin: { ...parsed.admin, tls: tlsFiles(parsed.admin.tls, at) },
    keys: {
      encryptionKeyFile: at(parsed.keys.encryptionKeyFile ?? resolve(dataDir, 'keys', 'kek')),
      ...(encryptionKey !== undefined && { encryptionKey }),
    },
    mail: {
      ...parsed.mail,
      transport: mailTransport(transport, dataDir, at),
      ...(dkim && { dkim: { ...dkim, keyFile: at(dkim.keyFile) } }),
    },
    policy: {
      ...parsed.policy,
      cpsUrl: parsed.policy.cpsUrl ?? `${parsed.publicUrl}/cp-cps`,
      weakKeyLists: parsed.policy.weakKeyLists.map(at),
    },
  };
}

function tlsFiles(tls: Parsed['tls'], at: (path: string) => string): Parsed['tls'] {
  return typeof tls === 'object' ? { cert: at(tls.cert), key: at(tls.key) } : tls;
}

/** The default folder follows `dataDir`. */
function mailTransport(transport: string, dataDir: string, at: (path: string) => string): string {
  if (transport === 'file:./data/mail') return `file:${resolve(dataDir, 'mail')}`;
  return transport.startsWith('file:') ? `file:${at(transport.slice(5))}` : transport;
}

function freeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) freeze(member);
  return Object.freeze(value);
}

/** What the names of an order are held against. */
export function namePolicy(config: Config): NamePolicy {
  return {
    wildcards: config.policy.wildcards,
    refuseNames: config.policy.refuseNames,
    specialUse: config.validation.allowPrivateAddresses,
  };
}

/** `host:port` in parts; an IPv6 host loses its brackets. */
export function hostAndPort(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}
