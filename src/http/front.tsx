import type { VNode } from 'preact';
import { logUrl, noteKeyOf } from '../ca/audit/identity.ts';
import { hex } from '../model/encoding.ts';
import { sha256 } from '../model/sha256.ts';
import { currentLog } from '../store/log.ts';
import { verifierKey } from '../tlog/note.ts';
import type { Acme } from './acme/request.ts';
import type { Reply } from './reply.ts';
import { page } from './views.tsx';

/** Until the portal exists: one plain page for whoever comes by with a browser. */
export async function front({ ctx, urls }: Acme): Promise<Reply> {
  const log = await currentLog(ctx.db);
  const fingerprint = hex(sha256(ctx.authority.root.certificate)).toUpperCase().match(/../g)?.join(':') ?? '';
  return page(
    'Certificate authority of the XMPP federation',
    <FrontPage
      directory={urls.directory}
      fingerprint={fingerprint}
      {...(log && { log: { url: logUrl(ctx), key: verifierKey(noteKeyOf(log)) } })}
    />,
  );
}

interface Props {
  directory: string;
  /** SHA-256 of the root's certificate, as openssl writes it. */
  fingerprint: string;
  log?: { url: string; key: string };
}

export const FrontPage = ({ directory, fingerprint, log }: Props): VNode => (
  <>
    <p>
      ACME directory: <code>{directory}</code>
    </p>
    <p>
      Root certificate: <a href="/root.pem">root.pem</a>. Its SHA-256 fingerprint, to be compared with the one that the operators published:{' '}
      <code>{fingerprint}</code>
    </p>
    {log && (
      <p>
        Audit log, for whoever wants to check what is issued: <code>{log.url}</code>, signed with the key <code>{log.key}</code>
      </p>
    )}
    <p>
      What the authority promises, and how it keeps it: <a href="/cp-cps">certificate policy and practice statement</a>.
    </p>
    <p>How to get a certificate with the client that you have stands in the README, section “For server administrators”.</p>
  </>
);
