import { type DnsServer, startDns } from './dns-server.ts';
import { loopback } from './loopback.ts';

/** The world outside a server process: every name is on 127.0.0.1, where a web server answers challenges. */
export interface World {
  dns: DnsServer;
  /** By `http://name/path`. */
  pages: Map<string, string>;
  /** For the server's configuration. */
  validation: Record<string, unknown>;
  close(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const dns = await startDns();
  dns.fallback = { A: ['127.0.0.1'] };
  const pages = new Map<string, string>();
  const servers = loopback();
  const httpPort = await servers.http((req, res) => {
    const page = pages.get(`http://${(req.headers.host ?? '').replace(/:\d+$/, '')}${req.url}`);
    res.writeHead(page === undefined ? 404 : 200, { 'Content-Type': 'application/octet-stream' }).end(page);
  });
  return {
    dns,
    pages,
    validation: { resolvers: [dns.address], httpPort, allowPrivateAddresses: true },
    async close() {
      await servers.close();
      await dns.close();
    },
  };
}
