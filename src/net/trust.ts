import * as tls from 'node:tls';

/** From Node.js 22.15 on; with the roots that the environment adds. */
const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] };

/**
 * The system's roots, and these: whom a webhook is sent to has a certificate of a public CA, or of ours; no other is a member of a closed network's world.
 * Kept for the roots that were asked for last: the system's are many.
 */
export function createTrust(): (roots: readonly string[]) => tls.SecureContext {
  let last: { key: string; context: tls.SecureContext } | undefined;
  return roots => {
    const key = roots.join();
    if (last?.key !== key) {
      const ca = [...(getCACertificates?.('default') ?? tls.rootCertificates), ...roots];
      last = { key, context: tls.createSecureContext({ ca, minVersion: 'TLSv1.2' }) };
    }
    return last.context;
  };
}
