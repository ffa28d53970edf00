import { isIP, type Socket } from 'node:net';
import { connect, type SecureContext, type TLSSocket } from 'node:tls';
import { printable } from '../model/printable.ts';
import { Problem } from '../model/problem.ts';
import type { Dial } from './connection.ts';
import { stopped, within } from './deadline.ts';
import { codeOf, describe } from './error-words.ts';
import type { Limits } from './limits.ts';
import type { Network } from './network.ts';

/** A TLS client hello with SNI and ALPN to the name (RFC 8737 §3); the certificate is handed out, not judged. */
export function createTls(dial: Dial, port: number, limits: Limits['tls']): Network['tls'] {
  return (name, alpn, outer) =>
    within(limits.deadline, outer, async signal => {
      const { socket, address } = await dial(name, port, signal);
      try {
        const peer = await handshake(socket, { name, address, port, alpn: [alpn], signal });
        const certificate = peer.getPeerX509Certificate()?.raw;
        if (!certificate) throw new Problem('tls', `${at({ name, address, port })} showed no certificate.`);
        return { alpn: peer.alpnProtocol || undefined, certificate: new Uint8Array(certificate), address };
      } finally {
        socket.destroy();
      }
    });
}

interface Peer {
  name: string;
  address: string;
  port: number;
}

/**
 * With `trust` the peer's certificate is verified, else it is not judged.
 * @throws Problem `tls` for an alert, a protocol error or a certificate, `connection` for a reset or the deadline
 */
export function handshake(
  socket: Socket,
  options: Peer & { alpn: string[]; signal: AbortSignal; trust?: SecureContext },
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const tls = connect({
      socket,
      // RFC 6066 §3: no address is a server name; the certificate is held against it all the same.
      ...(isIP(options.name) ? { servername: '', host: options.name } : { servername: options.name }),
      ALPNProtocols: options.alpn,
      rejectUnauthorized: options.trust !== undefined,
      ...(options.trust && { secureContext: options.trust }),
      minVersion: 'TLSv1.2',
    });
    const fail = (error?: Error) => reject(handshakeProblem(error, options));
    tls.on('error', fail);
    tls.once('close', () => fail());
    tls.once('secureConnect', () => resolve(tls));
  });
}

function handshakeProblem(error: Error | undefined, options: Peer & { signal: AbortSignal }): Problem {
  const why = stopped(options.signal);
  const start = `The TLS handshake with ${at(options)} failed:`;
  if (why !== undefined) return new Problem('connection', `${start} ${why}.`);
  const alert = sslWords(codeOf(error));
  if (alert !== undefined) return new Problem('tls', `${start} ${alert}.`, { cause: error });
  return new Problem('connection', `${start} ${error ? describe(error) : 'the connection was closed'}.`, { cause: error });
}

/** OpenSSL's own name for the mistake; no text of the peer's. */
function sslWords(code: string): string | undefined {
  if (code === 'EPROTO') return 'protocol error';
  // An alert is the peer's, these are ours.
  if (/^(?!ERR_SSL_).*(CERT|ISSUER|SIGNATURE)/.test(code)) return `its certificate is refused (${code})`;
  return /^ERR_(SSL|TLS)_/.test(code)
    ? code
        .replace(/^ERR_(SSL|TLS)_/, '')
        .replaceAll('_', ' ')
        .toLowerCase()
    : undefined;
}

const at = ({ name, address, port }: Peer) => `${printable(name)} (${address}, port ${port})`;
