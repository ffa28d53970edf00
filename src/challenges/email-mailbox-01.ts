import { timingSafeEqual } from 'node:crypto';
import { fromBase64url } from '../model/encoding.ts';
import { withinRegistrable } from '../model/identifier.ts';
import { Problem } from '../model/problem.ts';
import { seconds } from '../model/seconds.ts';
import { sha256 } from '../model/sha256.ts';
import type { Network } from '../net/network.ts';
import type { ChallengeType } from './challenge-type.ts';

/** Seconds that a mailed code lives. */
export const codeLifetime = seconds.day;

/** Our own type: a code mailed to one of the domain's RFC 2142 mailboxes comes back through the session that asked. */
export const emailMailbox01: ChallengeType = {
  proves: ({ wildcard }) => !wildcard,

  async prepare(net, name, { mailboxes, from }, signal) {
    const offered = await listMailboxes(net, name, mailboxes, signal);
    return offered.length ? { mailboxes: offered, from, sentTo: [] } : undefined;
  },

  respond(challenge, payload, { thumbprint, now, codesFor }) {
    const { mailbox, response } = payload;
    const detail = challenge.mailbox;
    if (!detail) throw new Problem('malformed', 'This challenge has no mailboxes.');
    if (response !== undefined && mailbox !== undefined)
      throw new Problem('malformed', 'Send "mailbox" to ask for a code or "response" to answer with it, not both.');
    if (response === undefined)
      return { next: 'pending', mailbox: chosen(mailbox === undefined ? detail.mailboxes[0] : mailbox, detail.mailboxes) };
    const answer = fromBase64url(response);
    if (!answer) throw new Problem('malformed', '"response" is the base64url, without padding, of the SHA-256 of the key authorization.');
    const living = detail.sentTo.filter(({ at }) => at + codeLifetime > now).map(({ mailbox }) => mailbox);
    if (living.length === 0) throw new Problem('malformed', 'No code was sent within the last day: send {"mailbox": …} first.');
    const right = living.find(box =>
      codesFor(box)
        .flatMap(inAnyCase)
        .some(code => isDigest(answer, code + challenge.token, thumbprint)),
    );
    if (!right)
      throw new Problem(
        'incorrectResponse',
        'This is not the SHA-256 of the key authorization: the code from the mail, the token of this challenge, ".", and the thumbprint of the account key.',
      );
    return { next: 'valid', evidence: { mailbox: right } };
  },
};

/** The policy's names at the name itself and at each ancestor down to the registrable domain that has an MX record of its own. */
export async function listMailboxes(net: Network, name: string, localParts: readonly string[], signal?: AbortSignal): Promise<string[]> {
  const owners = withinRegistrable(name);
  const receiving = await Promise.all(owners.map(async owner => (await net.mx(owner, signal)).some(mx => mx.exchange !== '')));
  return owners.filter((_, i) => receiving[i]).flatMap(owner => localParts.map(local => `${local}@${owner}`));
}

/** @throws Problem malformed, naming the allowed ones */
function chosen(mailbox: unknown, mailboxes: readonly string[]): string {
  const wanted = typeof mailbox === 'string' ? mailbox.toLowerCase() : undefined;
  const found = mailboxes.find(m => m === wanted);
  if (!found) throw new Problem('malformed', `"mailbox" is one of ${mailboxes.join(', ')}.`);
  return found;
}

/** A person may have typed it in capitals, and the client digests what was typed. */
const inAnyCase = (code: string): string[] => [code, code.toUpperCase()];

/** keyAuthorization = code ‖ token part 2 ‖ "." ‖ thumbprint. */
function isDigest(answer: Uint8Array, token: string, thumbprint: string): boolean {
  const digest = sha256(`${token}.${thumbprint}`);
  return answer.length === digest.length && timingSafeEqual(answer, digest);
}
