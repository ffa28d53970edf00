import assert from 'node:assert/strict';
import { createHash, createVerify, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { simpleParser } from 'mailparser';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { type Config, parseConfig } from '../../src/config.ts';
import { pem } from '../../src/model/encoding.ts';
import { type Channel, DeliveryError, type Notice } from '../../src/notify/channel.ts';
import { createMail } from '../../src/notify/mail.ts';
import { codeText } from '../../src/notify/texts.ts';
import { ecKey, leafMeant, publicKeyOf, signLeaf } from '../kit/hierarchy.ts';

const now = 1790812800;
const code = 'abcdefghijklmnopqrstuvwxyz234567';
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

const notice = (more: Partial<Notice> = {}): Notice => ({
  id: 'message1',
  to: ['hostmaster@example.org'],
  ...codeText({
    reference: 'ref12345',
    domain: 'xn--mnchen-3ya.example',
    code,
    member: 'Föderation „Süd“',
    thumbprint: 'thumb',
    address: '192.0.2.7',
    expiresAt: now + 86400,
    authority: 'https://ca.example',
  }),
  ...more,
});

describe('mail', () => {
  let folder: string;
  let drawn = 0;
  const random = (size: number) => new Uint8Array(createHash('sha256').update(String(drawn++)).digest().subarray(0, size));
  const open = (mail: object): Channel => {
    const config: Config['mail'] = parseConfig({ mail: { from: 'certmaster@ca.example', ...mail } }, folder).mail;
    return createMail(config, random, () => now);
  };
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'xmpp-ca-mail-'));
    writeFileSync(join(folder, 'dkim.pem'), rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }));
  });
  after(() => rmSync(folder, { recursive: true }));

  describe('into a folder', () => {
    let box: string;
    beforeEach(() => {
      box = mkdtempSync(join(folder, 'box-'));
    });
    const send = async (sent: Notice = notice(), more: object = {}) => {
      const channel = open({ transport: `file:${box}`, ...more });
      await channel.send(sent);
      channel.close();
      return readFileSync(join(box, readdirSync(box)[0] ?? assert.fail()));
    };

    it('is one file a message, whole and for its owner only', async () => {
      await send();
      assert.deepEqual(readdirSync(box), [`${now}-message1.eml`]);
      assert.equal(statSync(join(box, `${now}-message1.eml`)).mode & 0o777, 0o600);
    });
    it('is the same file when it is sent again', async () => {
      await send();
      await send();
      assert.equal(readdirSync(box).length, 1);
    });
    it('makes the folder, for its owner only', async () => {
      box = join(box, 'deep', 'er');
      await send();
      assert.equal(statSync(box).mode & 0o777, 0o700);
    });
    it('shows whole messages only, however many are written at once', async () => {
      const channel = open({ transport: `file:${box}` });
      let watching = true;
      const sizes = new Map<string, number>();
      const files = () => readdirSync(box).filter(f => f.endsWith('.eml'));
      const watched = (async () => {
        while (watching) {
          for (const file of files()) if (!sizes.has(file)) sizes.set(file, statSync(join(box, file)).size);
          await new Promise(resolve => setImmediate(resolve));
        }
      })();
      await Promise.all(Array.from({ length: 50 }, (_, i) => channel.send(notice({ id: `m${i}` }))));
      watching = false;
      await watched;
      for (const [file, size] of sizes) assert.equal(size, statSync(join(box, file)).size);
      assert.equal(readdirSync(box).length, 50);
    });
    it('is marked as no answer to anything (RFC 3834 §5)', async () => {
      const { headers, messageId, date, from, to } = await simpleParser(await send());
      assert.equal(headers.get('auto-submitted'), 'auto-generated');
      assert.equal(messageId, '<message1@ca.example>');
      assert.equal(date?.getTime(), now * 1000);
      assert.equal(from?.text, 'certmaster@ca.example');
      assert.equal([to].flat()[0]?.text, 'hostmaster@example.org');
    });
    it('has the code on a line of its own in the body, and nowhere else', async () => {
      const raw = (await send()).toString('latin1');
      const { text = '', subject = '', headerLines } = await simpleParser(raw);
      assert.equal(text.split('\n').filter(line => line === code).length, 1);
      assert.equal(text.split(code).length, 2);
      assert.ok(!subject.includes(code) && headerLines.every(h => !h.line.includes(code)));
      assert.equal(subject, 'Request for xn--mnchen-3ya.example (reference ref12345)');
      assert.doesNotMatch(text, /https?:\/\/\S*(abcdef|token|confirm)/);
    });
    it('is plain text, without HTML and attachments', async () => {
      const { html, attachments, text = '' } = await simpleParser(await send());
      assert.equal(html, false);
      assert.equal(attachments.length, 0);
      assert.ok(text.includes('Föderation „Süd“') && text.includes('münchen.example (xn--mnchen-3ya.example)'));
    });
    it('lets no text become a header', async () => {
      const raw = await send(notice({ subject: 'A\r\nBcc: evil@example.net', text: 'x\r\n.\r\nMAIL FROM:<a@b>' }));
      const { headers, subject } = await simpleParser(raw);
      assert.equal(headers.has('bcc'), false);
      assert.ok(subject?.startsWith('A'));
    });
    it('has a DKIM signature that verifies over the bytes (RFC 6376)', async () => {
      const raw = (await send(notice(), { dkim: { domain: 'ca.example', selector: 's1', keyFile: 'dkim.pem' } }))
        .toString('latin1')
        .replace(/\r?\n/g, '\r\n');
      assert.ok(verifyDkim(raw));
      assert.ok(!verifyDkim(raw.replace(code, code.replace('a', 'b'))));
      assert.ok(!verifyDkim(raw.replace('auto-generated', 'no')));
    });
  });

  describe('by SMTP', () => {
    let server: SMTPServer | undefined;
    let seen: { auth: string[]; from: string; to: string[]; raw: string; secure: boolean };
    const key = ecKey('smtp').export({ format: 'pem', type: 'pkcs8' }).toString();
    let cert: string;
    before(() => {
      cert = pem('CERTIFICATE', signLeaf(leafMeant({ names: ['localhost'], publicKey: publicKeyOf(ecKey('smtp')) })));
    });
    afterEach(() => new Promise<void>(resolve => (server ? server.close(() => resolve()) : resolve())));

    const start = async (options: SMTPServerOptions = {}): Promise<number> => {
      seen = { auth: [], from: '', to: [], raw: '', secure: false };
      const made = new SMTPServer({
        key,
        cert,
        authOptional: true,
        disableReverseLookup: true,
        onAuth(auth, _session, callback) {
          seen.auth.push(`${auth.username}:${auth.password}`);
          if (auth.password === 'p@ss word') callback(null, { user: auth.username });
          else callback(Object.assign(new Error('5.7.8 no'), { responseCode: 535 }));
        },
        onData(stream, session, callback) {
          const chunks: Buffer[] = [];
          stream.on('data', chunk => chunks.push(chunk));
          stream.on('end', () => {
            const { mailFrom, rcptTo } = session.envelope;
            seen = {
              ...seen,
              from: mailFrom ? mailFrom.address : '',
              to: rcptTo.map(r => r.address),
              raw: Buffer.concat(chunks).toString('latin1'),
              secure: session.secure,
            };
            callback();
          });
        },
        ...options,
      });
      made.on('error', () => {});
      server = made;
      await new Promise<void>(resolve => made.listen(0, '127.0.0.1', resolve));
      return (made.server.address() as AddressInfo).port;
    };
    const send = async (port: number, { user = '', query = '?tls=unverified', scheme = 'smtp', more = {}, sent = notice() } = {}) => {
      const channel = open({ transport: `${scheme}://${user}127.0.0.1:${port}${query}`, ...more });
      try {
        await channel.send(sent);
      } finally {
        channel.close();
      }
    };
    const fails = (work: Promise<unknown>, permanent: boolean, enhanced: string | undefined, why: RegExp) =>
      assert.rejects(work, (error: unknown) => {
        assert.ok(error instanceof DeliveryError, String(error));
        assert.deepEqual({ permanent: error.permanent, enhanced: error.enhancedStatus }, { permanent, enhanced }, error.message);
        assert.match(error.message, why);
        return true;
      });
    const user = 'me:p%40ss%20word@';

    it('goes by STARTTLS, with authentication', async () => {
      await send(await start(), { user });
      assert.deepEqual(seen.auth, ['me:p@ss word']);
      assert.equal(seen.secure, true);
      assert.ok((await simpleParser(seen.raw)).text?.includes(code));
    });
    it('goes by TLS from the beginning', async () => {
      await send(await start({ secure: true }), { user, scheme: 'smtps' });
      assert.equal(seen.secure, true);
    });
    it('goes without TLS where neither side asks for it', async () => {
      await send(await start({ hideSTARTTLS: true, disabledCommands: ['STARTTLS'] }));
      assert.deepEqual(seen.to, ['hostmaster@example.org']);
    });
    it('never sends a password in the clear', async () => {
      const port = await start({ hideSTARTTLS: true, disabledCommands: ['STARTTLS'], allowInsecureAuth: true });
      await fails(send(port, { user }), false, undefined, /./);
      assert.deepEqual(seen.auth, []);
      assert.equal(seen.raw, '');
    });
    it('does not trust a certificate of nobody', async () => {
      const port = await start();
      await fails(send(port, { user, query: '' }), false, undefined, /cannot be reached/);
      assert.deepEqual(seen.auth, []);
    });
    it('has an envelope sender that nobody can guess, another each time', async () => {
      const port = await start();
      await send(port);
      const first = seen.from;
      await send(port);
      for (const from of [first, seen.from]) assert.match(from, /^bounce-[a-z2-7]{16}@ca\.example$/);
      assert.notEqual(first, seen.from);
      assert.ok(!seen.raw.includes(seen.from));
    });
    it('has a DKIM signature that verifies over the bytes (RFC 6376)', async () => {
      await send(await start(), { more: { dkim: { domain: 'ca.example', selector: 's1', keyFile: 'dkim.pem' } } });
      assert.ok(verifyDkim(seen.raw));
    });

    const refusals: [what: string, code: number, text: string, permanent: boolean, enhanced: string | undefined][] = [
      ['550 5.1.1', 550, '5.1.1 no such user <script>', true, '5.1.1'],
      ['550 without an enhanced code', 550, 'no', true, undefined],
      ['552 5.2.2', 552, '5.2.2 full', true, '5.2.2'],
      ['450 4.2.1', 450, '4.2.1 greylisted', false, '4.2.1'],
      ['451', 451, 'later', false, undefined],
    ];
    for (const [what, responseCode, text, permanent, enhanced] of refusals)
      it(`names a mailbox that is refused by ${what}: ${permanent ? 'permanent' : 'temporary'} (RFC 5321 §4.2.1)`, async () => {
        const port = await start({
          onRcptTo: (_address, _session, callback) => callback(Object.assign(new Error(text), { responseCode })),
        });
        await fails(
          send(port),
          permanent,
          enhanced,
          new RegExp(`^the mail server answered ${responseCode}${enhanced ? ` ${enhanced}` : ''}$`),
        );
      });
    it('names a message that is refused after DATA', async () => {
      const port = await start({
        onData(stream, _session, callback) {
          stream.resume();
          stream.on('end', () => callback(Object.assign(new Error('5.7.1 spam'), { responseCode: 554 })));
        },
      });
      await fails(send(port), true, '5.7.1', /554 5\.7\.1/);
    });
    it('takes a wrong password for temporary: the operator mends it', async () => {
      await fails(send(await start(), { user: 'me:wrong@' }), false, '5.7.8', /535/);
    });
    it('names a server that does not listen', async () => {
      const port = await start();
      await new Promise<void>(resolve => server?.close(() => resolve()));
      server = undefined;
      await fails(send(port), false, undefined, /cannot be reached \(ECONNECTION|ESOCKET|ECONNREFUSED/);
    });
    it('names a server that is none: temporary', async () => {
      const listener = createServer(socket => socket.end('554 5.3.2 go away\r\n')).listen(0, '127.0.0.1');
      await new Promise(resolve => listener.once('listening', resolve));
      try {
        await fails(send((listener.address() as AddressInfo).port), false, '5.3.2', /554/);
      } finally {
        await new Promise(resolve => listener.close(resolve));
      }
    });
  });
});

/** RFC 6376 with relaxed canonicalization of header and body, as far as our own signatures go. */
function verifyDkim(raw: string): boolean {
  const split = raw.indexOf('\r\n\r\n');
  const headers = raw.slice(0, split).split(/\r\n(?![ \t])/);
  const body = raw.slice(split + 4);
  const field = headers.find(h => /^dkim-signature:/i.test(h));
  if (!field) return false;
  const tags = new Map(
    field
      .slice(field.indexOf(':') + 1)
      .split(';')
      .map(t => t.trim())
      .filter(t => t !== '')
      .map(t => [t.slice(0, t.indexOf('=')).trim(), t.slice(t.indexOf('=') + 1).replace(/\s+/g, '')]),
  );
  assert.deepEqual([tags.get('a'), tags.get('d'), tags.get('s'), tags.get('c')], ['rsa-sha256', 'ca.example', 's1', 'relaxed/relaxed']);
  const signed = (tags.get('h') ?? '').toLowerCase().split(':');
  for (const name of ['from', 'to', 'subject', 'date', 'message-id', 'auto-submitted']) assert.ok(signed.includes(name), name);
  const lines = body.split('\r\n').map(line => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''));
  const canonicalBody = `${lines.join('\r\n').replace(/(\r\n)+$/, '')}\r\n`;
  if (createHash('sha256').update(canonicalBody, 'latin1').digest('base64') !== tags.get('bh')) return false;
  const relaxed = (header: string) => {
    const colon = header.indexOf(':');
    return `${header.slice(0, colon).trim().toLowerCase()}:${header
      .slice(colon + 1)
      .replace(/\s+/g, ' ')
      .trim()}`;
  };
  const fields = signed.flatMap(name => headers.filter(h => h.toLowerCase().startsWith(`${name}:`)).map(relaxed));
  const input = [
    ...fields,
    relaxed(field)
      .replace(/ ?b=[^;]*$/, ' b=')
      .replace(/; b=$/, '; b='),
  ].join('\r\n');
  return createVerify('sha256')
    .update(input, 'latin1')
    .verify(rsa.publicKey, tags.get('b') ?? '', 'base64');
}
