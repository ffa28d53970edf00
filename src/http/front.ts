import { logUrl, noteKeyOf } from '../ca/audit/identity.ts';
import { hex } from '../model/encoding.ts';
import { escapeHtml } from '../model/html.ts';
import { sha256 } from '../model/sha256.ts';
import { currentLog } from '../store/log.ts';
import { verifierKey } from '../tlog/note.ts';
import type { Acme } from './acme/request.ts';
import type { Reply } from './reply.ts';
import { page } from './views.ts';

/** Until the portal exists: one plain page for whoever comes by with a browser. */
export async function front({ ctx, urls }: Acme): Promise<Reply> {
  const log = await currentLog(ctx.db);
  const fingerprint = hex(sha256(ctx.authority.root.certificate)).toUpperCase().match(/../g)?.join(':') ?? '';
  return page('Certificate authority of the XMPP federation', [
    `ACME directory: <code>${escapeHtml(urls.directory)}</code>`,
    `Root certificate: <a href="/root.pem">root.pem</a>. Its SHA-256 fingerprint, to be compared with the one that the operators published: <code>${fingerprint}</code>`,
    ...(log
      ? [
          `Audit log, for whoever wants to check what is issued: <code>${escapeHtml(logUrl(ctx))}</code>, signed with the key <code>${escapeHtml(verifierKey(noteKeyOf(log)))}</code>`,
        ]
      : []),
    'What the authority promises, and how it keeps it: <a href="/cp-cps">certificate policy and practice statement</a>.',
    'How to get a certificate with the client that you have stands in the README, section “For server administrators”.',
  ]);
}
