import { createCipheriv, createDecipheriv, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Config } from '../config.ts';
import { hex } from '../model/encoding.ts';
import { sha256 } from '../model/sha256.ts';
import { KeyFileError, type KeySource, keyFile, keysInText } from './key-file.ts';
import { type Place, splitName } from './places.ts';

/** Everything that depends on the key-encryption keys, which lie outside the database: the newest, and older ones under which something may still be sealed. */
export interface Vault {
  /** First 8 bytes of the SHA-256 of the newest key, in hex: names the key without telling it. */
  readonly keyId: string;
  /** Of all keys, the newest first. */
  readonly keyIds: readonly string[];
  /** AES-256-GCM under the newest key: key id (8) ‖ IV (12) ‖ ciphertext ‖ tag (16). */
  seal(place: Place, secret: Uint8Array): Uint8Array;
  /** @throws Error where the key is another, the place is another, or a bit was changed */
  open(place: Place, sealed: Uint8Array): Uint8Array;
  /** HMAC-SHA-256 under a key derived for this purpose alone (HKDF, RFC 5869). Parts are length-prefixed, so none runs into the next. */
  mac(purpose: string, ...parts: MacPart[]): Uint8Array;
  /** The same under each key, the newest first: what was made before a rotation. */
  macs(purpose: string, ...parts: MacPart[]): Uint8Array[];
  /** Whether a MAC was made here, under whichever key. */
  isMac(mac: Uint8Array, purpose: string, ...parts: MacPart[]): boolean;
}

type MacPart = string | Uint8Array;

/** Bytes of a ciphertext that name its key. */
export const keyIdSize = 8;

interface Key {
  id: Buffer;
  cipherKey: Buffer;
  mac(purpose: string, parts: readonly MacPart[]): Uint8Array;
}

/** @param source the keys, the newest first; asked at each use, it may give other ones */
export function createVault(source: Uint8Array | KeySource, random: (size: number) => Uint8Array): Vault {
  const given: KeySource = source instanceof Uint8Array ? () => fixed : source;
  const fixed = source instanceof Uint8Array ? [source] : [];
  let derived: { from: readonly Uint8Array[]; keys: [Key, ...Key[]] } | undefined;
  const keys = (): [Key, ...Key[]] => {
    const from = given();
    if (derived?.from !== from) {
      const [newest, ...older] = from.map(deriveKey);
      if (!newest) throw new Error('there is no key-encryption key');
      derived = { from, keys: [newest, ...older] };
    }
    return derived.keys;
  };

  return {
    get keyId() {
      return keys()[0].id.toString('hex');
    },
    get keyIds() {
      return keys().map(key => key.id.toString('hex'));
    },
    seal(place, secret) {
      const { id, cipherKey } = keys()[0];
      const iv = random(12);
      const cipher = createCipheriv('aes-256-gcm', cipherKey, iv).setAAD(additional(id, place));
      return Buffer.concat([id, iv, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    },
    open(place, sealed) {
      const bytes = Buffer.from(sealed);
      const id = bytes.subarray(0, keyIdSize);
      const all = keys();
      const key = all.find(k => k.id.equals(id));
      if (!key)
        throw new Error(
          `the secret at ${place.in} was encrypted under another key-encryption key (${id.toString('hex')}, not ${all.map(k => k.id.toString('hex')).join(' or ')})`,
        );
      const cipher = createDecipheriv('aes-256-gcm', key.cipherKey, bytes.subarray(8, 20)).setAAD(additional(id, place));
      cipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([cipher.update(bytes.subarray(20, -16)), cipher.final()]);
    },
    mac: (purpose, ...parts) => keys()[0].mac(purpose, parts),
    macs: (purpose, ...parts) => keys().map(key => key.mac(purpose, parts)),
    isMac: (mac, purpose, ...parts) => keys().some(key => isSame(mac, key.mac(purpose, parts))),
  };
}

const isSame = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

function additional(id: Buffer, { in: name, row }: Place): Uint8Array {
  const { table, column } = splitName(name);
  return Buffer.from(JSON.stringify([id.toString('hex'), table, row, column]));
}

export const keyIdOf = (key: Uint8Array): string => hex(sha256(key).subarray(0, keyIdSize));

function deriveKey(key: Uint8Array): Key {
  const derive = (info: string) => Buffer.from(hkdfSync('sha256', key, '', `xmpp-ca ${info}`, 32));
  const macKeys = new Map<string, Buffer>();
  return {
    id: Buffer.from(keyIdOf(key), 'hex'),
    cipherKey: derive('secrets at rest'),
    mac(purpose, parts) {
      const macKey = macKeys.get(purpose) ?? derive(`mac ${purpose}`);
      macKeys.set(purpose, macKey);
      const hmac = createHmac('sha256', macKey);
      for (const part of parts) {
        const bytes = Buffer.from(part);
        const length = Buffer.alloc(4);
        length.writeUInt32BE(bytes.length);
        hmac.update(length).update(bytes);
      }
      return hmac.digest();
    },
  };
}

/**
 * Reads the key-encryption keys, or makes one on the first start (0600). Two processes that start at once end up with one key.
 * `usedKeyId` is that of the key that the database was made with: where it is known, no other key is made in the place of one that is lost.
 */
export function openVault(config: Config, random: (size: number) => Uint8Array, usedKeyId?: string): Vault {
  const { encryptionKey, encryptionKeyFile } = config.keys;
  if (encryptionKey !== undefined) {
    const keys = keysInText(encryptionKey, ',');
    if (!keys) throw new KeyFileError('XMPP_CA_KEY is not a key-encryption key: 32 bytes in base64');
    return createVault(() => keys, random);
  }
  return createVault(keyFile(encryptionKeyFile, random, usedKeyId), random);
}
