import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DnsServer, startDns } from '../test/kit/dns-server.ts';
import { stopPostgres } from '../test/kit/postgres.ts';
import { type Load, startLoad } from './load.ts';

/** What stands around a server under test. */
export interface World {
  folder: string;
  /** Every name has one address, 127.0.0.1, and a mail exchange; all else is empty. */
  dns: DnsServer;
  load: Load;
  close(): Promise<void>;
}

export async function openWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'xmpp-ca-bench-'));
  const dns = await startDns();
  dns.fallback = { A: ['127.0.0.1'], MX: [{ exchange: 'mail.load.example', preference: 10 }] };
  // It remembers every query; nobody looks at them here.
  const forget = setInterval(() => {
    dns.queries.length = 0;
  }, 1000);
  const load = await startLoad();
  return {
    folder,
    dns,
    load,
    async close() {
      clearInterval(forget);
      load.stop();
      await dns.close();
      await stopPostgres();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
