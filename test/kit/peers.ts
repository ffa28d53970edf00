import { type DnsServer, startDns } from './dns-server.ts';
import { type Loopback, loopback } from './loopback.ts';

/** A DNS server for a suite, by which every name is on the loopback, and servers there anew for each test. */
export function peers(): { readonly dns: DnsServer; readonly servers: Loopback } {
  let dns: DnsServer;
  let servers: Loopback;
  before(async () => {
    dns = await startDns();
  });
  after(() => dns.close());
  beforeEach(() => {
    servers = loopback();
    dns.fallback = { A: ['127.0.0.1'] };
  });
  afterEach(async () => {
    dns.clear();
    await servers.close();
  });
  return {
    get dns() {
      return dns;
    },
    get servers() {
      return servers;
    },
  };
}
