import { generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { asciiString, bitString, contextConstructed, octetString, oid, sequence, smallInteger, time, tlv } from '../../src/pki/der.ts';

/** Servers on the loopback, all closed at once with every connection they hold. Each method gives the port. */
export interface Loopback {
  http(handler: RequestListener, at?: At): Promise<number>;
  https(handler: RequestListener, certificate: Credentials, at?: At): Promise<number>;
  tls(options: TlsOptions, at?: At): Promise<number>;
  /** Bytes as they come. */
  raw(handler: (socket: Socket) => void, at?: At): Promise<number>;
  close(): Promise<void>;
}

export interface At {
  /** 127.0.0.1 at first. */
  host?: string;
  /** Any free one at first. */
  port?: number;
}

export function loopback(): Loopback {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  const listen = async (server: Server, { host = '127.0.0.1', port = 0 }: At = {}) => {
    server.on('connection', (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    });
    server.listen(port, host);
    await once(server, 'listening');
    servers.push(server);
    return (server.address() as AddressInfo).port;
  };
  return {
    http: (handler, at) => listen(createHttpServer(handler), at),
    https: (handler, certificate, at) => listen(createHttpsServer(certificate, handler), at),
    tls: (options, at) => {
      const server = createTlsServer(options, socket => socket.on('error', () => {}));
      return listen(server, at);
    },
    raw: (handler, at) => listen(createServer(handler), at),
    async close() {
      for (const socket of sockets) socket.destroy();
      await Promise.all(servers.splice(0).map(server => new Promise(resolve => server.close(resolve))));
    },
  };
}

/** PEM, as node:tls takes them, and the certificate's DER. */
export interface Credentials {
  key: string;
  cert: string;
  der: Uint8Array;
}

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));
const notBefore = 1_767_225_600;
const notAfter = 4_102_444_799;

/** A self-signed P-256 certificate with one dns name; further extensions as whole DER Extension values. */
export function selfSigned(name: string, extensions: Uint8Array[] = []): Credentials {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const subjectAltName = sequence(oid('2.5.29.17'), octetString(sequence(asciiString(0x82, name))));
  const tbs = sequence(
    tlv(contextConstructed(0), smallInteger(2)),
    smallInteger(1),
    ecdsaWithSha256,
    sequence(),
    sequence(time(notBefore), time(notAfter)),
    sequence(),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(contextConstructed(3), sequence(subjectAltName, ...extensions)),
  );
  const der = sequence(tbs, ecdsaWithSha256, bitString(sign('sha256', tbs, privateKey)));
  const cert = `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n')}\n-----END CERTIFICATE-----\n`;
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert, der };
}
