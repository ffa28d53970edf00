import { createHash } from 'node:crypto';
import { escapeHtml } from '../model/html.ts';
import type { Acme } from './acme/request.ts';
import type { Reply } from './reply.ts';
import { page } from './views.ts';

/** Until the portal exists: one plain page for whoever comes by with a browser. */
export function front({ ctx, urls }: Acme): Reply {
  const fingerprint = createHash('sha256').update(ctx.authority.root.certificate).digest('hex').toUpperCase().match(/../g)?.join(':') ?? '';
  return page('Certificate authority of the XMPP federation', [
    `ACME directory: <code>${escapeHtml(urls.directory)}</code>`,
    `Root certificate: <a href="/root.pem">root.pem</a>. Its SHA-256 fingerprint, to be compared with the one that the operators published: <code>${fingerprint}</code>`,
    'How to get a certificate with the client that you have stands in the README, section “For server administrators”.',
  ]);
}
