import { rfc3339 } from '../model/encoding.ts';
import { unicodeName } from '../model/identifier.ts';
import { plural } from '../model/plural.ts';

/** Plain texts, 72 columns. Whoever reads them did perhaps not ask for them. */
export interface Text {
  subject: string;
  text: string;
}

export interface CodeFacts {
  /** Of the challenge or proof: stands in the Subject, tells nothing. */
  reference: string;
  domain: string;
  code: string;
  member: string;
  /** RFC 7638; absent where an operator asks. */
  thumbprint?: string;
  /** Address of the request. */
  address?: string;
  expiresAt: number;
  authority: string;
}

const shown = (domain: string): string => (unicodeName(domain) === domain ? domain : `${unicodeName(domain)} (${domain})`);

/** The code stands on a line of its own in the body, nowhere else. No link validates anything. */
export function codeText(facts: CodeFacts): Text {
  return {
    subject: `Request for ${facts.domain} (reference ${facts.reference})`,
    text: `Somebody asks the certificate authority of the XMPP federation at
${facts.authority} to accept that they control the domain

    ${shown(facts.domain)}

Who asks:   ${facts.member}, a member of the federation
${facts.thumbprint === undefined ? '' : `Account:    ${facts.thumbprint}\n`}${facts.address === undefined ? '' : `From:       ${facts.address}\n`}
If that is you, or someone you have charged with it, this is the code:

${facts.code}

A yes serves the whole member: until the proof lapses or is revoked,
each of its accounts can get certificates for ${facts.domain}
and for names below it.

Give the code only to the program or page where you asked for it, and
never pass it on to anybody who asks you for it. It is good until
${rfc3339(facts.expiresAt)}.

If you know nothing of this, do nothing: without the code nothing is
issued. This message cannot be answered.
`,
  };
}

export type NoticeFacts = Pick<CodeFacts, 'reference' | 'domain' | 'member' | 'authority'> & { sentTo: string };

/** To the other mailboxes: that a code went out, without the code. */
export function codeNoticeText(facts: NoticeFacts): Text {
  return {
    subject: `Request for ${facts.domain} (reference ${facts.reference})`,
    text: `${facts.member}, a member of the XMPP federation, asks its certificate
authority at ${facts.authority} to accept that
they control the domain

    ${shown(facts.domain)}

A code was mailed to ${facts.sentTo}. Whoever reads
that mailbox can say yes with it; this message holds no code.

If that should not be, see who reads that mailbox, and tell the
federation's operators. This message cannot be answered.
`,
  };
}

export interface CertificateFacts {
  serial: string;
  names: string[];
  profile: string;
  notBefore: number;
  notAfter: number;
  account?: string;
  member: string;
  authority: string;
}

const list = (names: string[]): string => names.map(n => `    ${shown(n)}`).join('\n');

export function issuedText(facts: CertificateFacts): Text {
  return {
    subject: `Certificate issued for ${facts.names[0]}${facts.names.length > 1 ? ` and ${facts.names.length - 1} more` : ''}`,
    text: `A certificate was issued in the name of ${facts.member} by
${facts.authority}.

Names:
${list(facts.names)}
Serial:     ${facts.serial}
Profile:    ${facts.profile}
Valid from: ${rfc3339(facts.notBefore)}
Valid to:   ${rfc3339(facts.notAfter)}
${facts.account === undefined ? '' : `Account:    ${facts.account}\n`}
If nobody of yours asked for it, tell the federation's operators at
once; they can revoke it. This message cannot be answered.
`,
  };
}

/** Certificates that one act has revoked. */
export interface RevokedFacts {
  certificates: { serial: string; names: string[] }[];
  member: string;
  authority: string;
  reason: string;
  by: string;
  revokedAt: number;
}

/** So many are shown one by one; the administrator's own list has all. */
const mostShown = 100;

export function revokedText({ certificates, ...facts }: RevokedFacts): Text {
  const names = certificates.flatMap(c => c.names);
  const several = certificates.length > 1;
  const blocks = certificates.slice(0, mostShown).map(c => `Names:\n${list(c.names)}\nSerial:     ${c.serial}\n`);
  const more = certificates.length - blocks.length;
  return {
    subject: `${several ? plural(certificates.length, 'certificate') : 'Certificate'} revoked for ${names[0]}${names.length > 1 ? ` and ${names.length - 1} more` : ''}`,
    text: `${several ? `${plural(certificates.length, 'certificate')} of ${facts.member} were` : `A certificate of ${facts.member} was`} revoked at
${facts.authority}.

Revoked:    ${rfc3339(facts.revokedAt)}
Reason:     ${facts.reason}
By:         ${facts.by}

${blocks.join('\n')}${more > 0 ? `\nand ${more} more.\n` : ''}
This message cannot be answered.
`,
  };
}

const inDays = (days: number): string => (days <= 1 ? 'within a day' : `in ${days} days`);

/** A suspended member cannot renew: its client is not what stands still. */
export function expiringText(facts: CertificateFacts & { days: number; isSuspended: boolean }): Text {
  const next = facts.isSuspended
    ? `While ${facts.member} is suspended, nothing is issued to it, and its
ACME client cannot replace the certificate: talk to the federation's
operators.`
    : "See whether the server's ACME client still runs.";
  return {
    subject: `Certificate for ${facts.names[0]} ends ${inDays(facts.days)}`,
    text: `A certificate of ${facts.member} from
${facts.authority}
ends ${inDays(facts.days)}, and nothing has replaced it yet.

Names:
${list(facts.names)}
Serial:     ${facts.serial}
Valid to:   ${rfc3339(facts.notAfter)}
${facts.account === undefined ? '' : `Account:    ${facts.account}\n`}
${next}
When the certificate has ended, other servers refuse to talk to yours.
Where it is no longer needed, nothing is to be done.
This message cannot be answered.
`,
  };
}

export interface LapsingFacts {
  domain: string;
  expiresAt: number;
  /** Empty where no code could be sent. */
  mailbox: string;
  days: number;
  member: string;
  memberId: string;
  authority: string;
}

export function lapsingText(facts: LapsingFacts): Text {
  const next = facts.mailbox
    ? `A fresh code was mailed to ${facts.mailbox}.
Give it to the federation's operators, who renew the proof with it, or
answer a challenge of your ACME client by mail.`
    : `No code could be mailed: ask the federation's operators to begin a new
proof, or answer a challenge of your ACME client.`;
  return {
    subject: `Proof of ${facts.domain} lapses ${inDays(facts.days)}`,
    text: `The proof that ${facts.member} controls the domain

    ${shown(facts.domain)}

lapses ${inDays(facts.days)}, on ${rfc3339(facts.expiresAt)}, at
${facts.authority}.
Without it, certificates for ${facts.domain} and for names below
it are issued only after a challenge; those that you have go on.

${next}

Member:     ${facts.memberId}

This message cannot be answered.
`,
  };
}

export interface AccountFacts {
  account: string;
  thumbprint: string;
  door: string;
  /** What the account's directory limits it to. */
  domains?: string[];
  member: string;
  authority: string;
}

export function accountAddedText(facts: AccountFacts): Text {
  const reach = facts.domains
    ? `It can get certificates for these domains and names below them, and for
no others:

${list(facts.domains)}`
    : 'It can get certificates for every domain that you have proved.';
  return {
    subject: 'A new ACME account was bound to your membership',
    text: `A new ACME account was bound to ${facts.member} at
${facts.authority}.

Account:    ${facts.account}
Thumbprint: ${facts.thumbprint}
Door:       ${facts.door}

${reach}

If nobody of yours made it, tell the federation's operators at once;
they can close it. This message cannot be answered.
`,
  };
}

export function contestedText(facts: { domain: string; role: 'holder' | 'asker'; member: string; authority: string }): Text {
  const text =
    facts.role === 'holder'
      ? `Another member of the federation tried to prove, by a mailed code, that
it controls a domain for which ${facts.member} holds a proof or a
certificate:

    ${shown(facts.domain)}

Nothing was granted. Should the domain no longer be yours, let the
federation's operators know.`
      : `${facts.member} tried to prove by a mailed code that it controls

    ${shown(facts.domain)}

for which another member holds a proof or a certificate. A mailbox alone
is not enough here: prove it by a DNS or HTTP challenge, or ask the
federation's operators to decide.`;
  return {
    subject: `About the domain ${facts.domain}`,
    text: `${text}\n\nAuthority: ${facts.authority}\nThis message cannot be answered.\n`,
  };
}
