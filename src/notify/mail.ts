import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import nodemailer, { type SendMailOptions, type Transporter } from 'nodemailer';
import type { Config } from '../config.ts';
import { writeAtomically } from '../files/write-atomically.ts';
import { base32 } from '../model/encoding.ts';
import { type Channel, DeliveryError, type Notice } from './channel.ts';

type Random = (size: number) => Uint8Array;

/** Mail by SMTP (STARTTLS, authentication, DKIM), or as one `.eml` a message in a folder. */
export function createMail(config: Config['mail'], random: Random, now: () => number): Channel {
  const domain = config.from.slice(config.from.lastIndexOf('@') + 1);
  const deliver = config.transport.startsWith('file:') ? fileDelivery(config, now) : smtpDelivery(config);
  return {
    async send(notice) {
      return { refused: await deliver.send(compose(config.from, domain, notice, now(), random), notice.id) };
    },
    close: deliver.close,
  };
}

interface Delivery {
  /** @returns how many recipients were refused, where not all were */
  send(message: SendMailOptions, id: string): Promise<number>;
  close(): void;
}

/** Plain text; an envelope sender that nobody can guess; marked as no answer to anything (RFC 3834 §5). */
function compose(from: string, domain: string, notice: Notice, now: number, random: Random): SendMailOptions {
  return {
    from,
    to: notice.to,
    envelope: { from: `bounce-${base32(random(10))}@${domain}`, to: notice.to },
    subject: notice.subject,
    text: notice.text,
    date: new Date(now * 1000),
    messageId: `<${notice.id}@${domain}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

function dkim(config: Config['mail']) {
  if (!config.dkim) return {};
  const { domain, selector, keyFile } = config.dkim;
  const headerFieldNames =
    'from:to:subject:date:message-id:mime-version:content-type:content-transfer-encoding:auto-submitted:reply-to:in-reply-to:references';
  return { dkim: { domainName: domain, keySelector: selector, privateKey: readFileSync(keyFile, 'utf8'), headerFieldNames } };
}

/** One file a message. */
function fileDelivery(config: Config['mail'], now: () => number): Delivery {
  const folder = config.transport.slice('file:'.length);
  const transport = nodemailer.createTransport({ streamTransport: true, buffer: true, newline: 'unix', ...dkim(config) });
  return {
    async send(message, id) {
      const { message: bytes } = (await transport.sendMail(message)) as { message: Buffer };
      writeAtomically(join(folder, `${now()}-${id}.eml`), bytes);
      return 0;
    },
    close() {},
  };
}

function smtpDelivery(config: Config['mail']): Delivery {
  const url = new URL(config.transport);
  const secure = url.protocol === 'smtps:';
  const user = decodeURIComponent(url.username);
  const transport: Transporter = nodemailer.createTransport({
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    // A password is never sent in the clear.
    requireTLS: !secure && user !== '',
    ...(user && { auth: { user, pass: decodeURIComponent(url.password) } }),
    ...(url.searchParams.get('tls') === 'unverified' && { tls: { rejectUnauthorized: false } }),
    connectionTimeout: 15_000,
    greetingTimeout: 15_000,
    socketTimeout: 60_000,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...dkim(config),
  });
  return {
    async send(message) {
      try {
        const { rejected } = (await transport.sendMail(message)) as { rejected?: unknown[] };
        return rejected?.length ?? 0;
      } catch (error) {
        throw asDeliveryError(error);
      }
    },
    close: () => transport.close(),
  };
}

/** RFC 5321 §4.2.1: 5yz is for good; all else may pass. */
function asDeliveryError(error: unknown): DeliveryError {
  // Never its text: it may hold addresses.
  const { responseCode, response, code } = error as { responseCode?: number; response?: string; code?: string };
  const enhanced = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response ?? '')?.[1];
  if (responseCode === undefined)
    return new DeliveryError(`the mail server cannot be reached (${code ?? 'for no reason that it says'})`, false);
  return new DeliveryError(
    `the mail server answered ${responseCode}${enhanced ? ` ${enhanced}` : ''}`,
    // Only of the envelope and the message: a refused login, greeting or STARTTLS is for the operator to mend.
    responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE'),
    enhanced,
  );
}
