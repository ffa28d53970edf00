import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync } from 'node:crypto';
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Config } from './config.ts';

/** Where a secret stands: the additional data of its encryption, so that a ciphertext cannot be moved. */
export interface Place {
  table: string;
  row: string;
  column: string;
}

/** Everything that depends on the key-encryption key, which lies outside the database. */
export interface Vault {
  /** First 8 bytes of the SHA-256 of the key, in hex: names the key without telling it. */
  keyId: string;
  /** AES-256-GCM: key id (8) ‖ IV (12) ‖ ciphertext ‖ tag (16). */
  seal(place: Place, secret: Uint8Array): Uint8Array;
  /** @throws Error where the key is another, the place is another, or a bit was changed */
  open(place: Place, sealed: Uint8Array): Uint8Array;
  /** HMAC-SHA-256 under a key derived for this purpose alone (HKDF, RFC 5869). Parts are length-prefixed, so none runs into the next. */
  mac(purpose: string, ...parts: (string | Uint8Array)[]): Uint8Array;
}

export function createVault(key: Uint8Array, random: (size: number) => Uint8Array): Vault {
  const derive = (info: string) => Buffer.from(hkdfSync('sha256', key, '', `xmpp-ca ${info}`, 32));
  const cipherKey = derive('secrets at rest');
  const macKeys = new Map<string, Buffer>();
  const id = createHash('sha256').update(key).digest().subarray(0, 8);
  const additional = ({ table, row, column }: Place) => Buffer.from(JSON.stringify([id.toString('hex'), table, row, column]));

  return {
    keyId: id.toString('hex'),
    seal(place, secret) {
      const iv = random(12);
      const cipher = createCipheriv('aes-256-gcm', cipherKey, iv).setAAD(additional(place));
      return Buffer.concat([id, iv, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
    },
    open(place, sealed) {
      const bytes = Buffer.from(sealed);
      if (!bytes.subarray(0, 8).equals(id))
        throw new Error(
          `the secret at ${place.table}.${place.column} was encrypted under another key-encryption key (${bytes.subarray(0, 8).toString('hex')}, not ${id.toString('hex')})`,
        );
      const cipher = createDecipheriv('aes-256-gcm', cipherKey, bytes.subarray(8, 20)).setAAD(additional(place));
      cipher.setAuthTag(bytes.subarray(-16));
      return Buffer.concat([cipher.update(bytes.subarray(20, -16)), cipher.final()]);
    },
    mac(purpose, ...parts) {
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
 * Reads the key-encryption key, or makes it on the first start (0600). Two processes that start at once end up with one key.
 * `usedKeyId` is that of the key that the database was made with: where it is known, no other key is made in the place of one that is lost.
 */
export function openVault(config: Config, random: (size: number) => Uint8Array, usedKeyId?: string): Vault {
  const { encryptionKey, encryptionKeyFile } = config.keys;
  if (encryptionKey !== undefined) return createVault(Buffer.from(encryptionKey, 'base64'), random);
  if (!existsSync(encryptionKeyFile)) {
    if (usedKeyId !== undefined)
      throw new Error(
        `the key-encryption key that the database was made with (${usedKeyId}) is not at ${encryptionKeyFile}: bring it back, or give it by XMPP_CA_KEY`,
      );
    makeKeyFile(encryptionKeyFile, random);
  }
  const key = Buffer.from(readFileSync(encryptionKeyFile, 'utf8'), 'base64');
  if (key.length !== 32) throw new Error(`${encryptionKeyFile} is not a key-encryption key: 32 bytes in base64`);
  return createVault(key, random);
}

function makeKeyFile(file: string, random: (size: number) => Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const aside = `${file}.${Buffer.from(random(6)).toString('hex')}`;
  writeFileSync(aside, `${Buffer.from(random(32)).toString('base64')}\n`, { mode: 0o600, flush: true });
  chmodSync(aside, 0o600);
  try {
    linkSync(aside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    unlinkSync(aside);
  }
}
