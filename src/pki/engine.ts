import { Crypto } from '@peculiar/webcrypto';
import * as pkijs from 'pkijs';

/** The WebCrypto object that pkijs runs on; a token's can take its place. Not for hot paths. */
export const crypto = new Crypto();

pkijs.setEngine('xmpp-ca', new pkijs.CryptoEngine({ name: 'xmpp-ca', crypto: crypto as unknown as globalThis.Crypto }));

/** A fresh EC key as PKCS #8 (RFC 5958). */
export async function generateEcKey(namedCurve: 'P-256' | 'P-384'): Promise<Uint8Array> {
  const pair = (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve }, true, ['sign', 'verify'])) as CryptoKeyPair;
  return new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey as never));
}
