import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import type { Trial } from './trial.ts';

/** A web server at the case's address, port 80, for clients that write their answers into a folder; the result is that folder. */
export async function serveWebroot(t: Trial): Promise<string> {
  const folder = webroot(t);
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(folder, basename(request.url ?? ''))));
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(80, t.address);
  await once(server, 'listening');
  t.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  return folder;
}

/** The same folder with nobody who serves it. */
export function webroot(t: Trial): string {
  const folder = join(t.folder, 'web', '.well-known', 'acme-challenge');
  mkdirSync(folder, { recursive: true });
  return folder;
}
