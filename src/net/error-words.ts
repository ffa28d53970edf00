/** The code of a system, DNS or OpenSSL error. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}

const socketWords: Record<string, string> = {
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  ETIMEDOUT: 'there was no answer',
  EHOSTUNREACH: 'the host is unreachable',
  ENETUNREACH: 'the network is unreachable',
  EADDRNOTAVAIL: 'the address cannot be reached from here',
  EACCES: 'the connection is forbidden here',
  EPERM: 'the connection is forbidden here',
  HPE_HEADER_OVERFLOW: 'its headers are too large',
};

/** What went wrong on a connection, in our words: a peer's never appear. */
export function describe(error: unknown): string {
  const code = codeOf(error);
  if (Object.hasOwn(socketWords, code)) return socketWords[code]!;
  return code.startsWith('HPE_') ? `the answer is not HTTP (${code})` : `the connection failed (${code})`;
}
