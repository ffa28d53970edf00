import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What Node itself costs: one fixed answer, the request read and not looked at. */
export interface BareAnswer {
  headers: Record<string, string>;
  /** Base64. */
  body: string;
}

process.on('message', ({ headers, body }: BareAnswer) => {
  const bytes = Buffer.from(body, 'base64');
  const server = createServer((req, res) => {
    req.resume().on('end', () => res.writeHead(200, headers).end(bytes));
  });
  server.keepAliveTimeout = 75_000;
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
});
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
