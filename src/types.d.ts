declare module 'tr46' {
  interface Options {
    checkBidi?: boolean;
    checkHyphens?: boolean;
    checkJoiners?: boolean;
    useSTD3ASCIIRules?: boolean;
    verifyDNSLength?: boolean;
    transitionalProcessing?: boolean;
  }
  export function toASCII(domain: string, options?: Options): string | null;
  export function toUnicode(domain: string, options?: Options): { domain: string; error: boolean };
}

// pkijs names DOM globals; without these they would silently become `any`.
type CryptoKey = import('node:crypto').webcrypto.CryptoKey;
type CryptoKeyPair = import('node:crypto').webcrypto.CryptoKeyPair;
type SubtleCrypto = import('node:crypto').webcrypto.SubtleCrypto;
type Crypto = import('node:crypto').webcrypto.Crypto;
type BufferSource = import('node:crypto').webcrypto.BufferSource;
type JsonWebKey = import('node:crypto').webcrypto.JsonWebKey;
type KeyFormat = import('node:crypto').webcrypto.KeyFormat;
type KeyUsage = import('node:crypto').webcrypto.KeyUsage;
type Algorithm = import('node:crypto').webcrypto.Algorithm;

declare module 'knex/lib/dialects/better-sqlite3/index.js' {
  export default class BetterSqlite3Client {
    _driver(): unknown;
    _query(connection: unknown, query: unknown): Promise<unknown>;
    _formatBindings(bindings: unknown[]): unknown[];
  }
}
