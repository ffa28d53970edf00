import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { ParsedMail } from 'mailparser';
import { DeliveryError } from '../../../src/notify/channel.ts';
import { type AcmeClient, type Json, jws, thumbprintOf } from '../../kit/acme-client.ts';
import { addressOf, codeIn, engines, startCa } from '../../kit/ca.ts';
import { issue } from '../../kit/issue.ts';
import { opened } from '../../kit/opened.ts';
import { links, refused } from '../../kit/refused.ts';

const hasCode = (mail: ParsedMail) => /^[a-z2-7]{32}$/m.test(mail.text ?? '');

for (const engine of engines) {
  describe(`email-mailbox-01 (${engine})`, () => {
    const ca = opened(() => startCa({ engine, config: { validation: { caaIdentities: ['ca.test'] } } }));

    const begin = async (client: AcmeClient, name: string, owner = name) => {
      ca.net.dns.mx.set(owner, [{ exchange: `mx.${owner}`, preference: 10 }]);
      const { json } = await client.newOrder([name]);
      const [authorization] = json.authorizations;
      const { challenges } = (await client.read(authorization)).json;
      return { authorization, challenge: challenges.find((c: Json) => c.type === 'email-mailbox-01') };
    };
    const mailTo = async (address: string): Promise<ParsedMail[]> => {
      await ca.settled();
      return (await ca.mails()).filter(m => addressOf(m) === address);
    };
    const ask = (client: AcmeClient, challenge: Json, mailbox?: string) =>
      client.post(challenge.url, mailbox === undefined ? {} : { mailbox });
    const responseOf = (client: AcmeClient, code: string, token: string) =>
      createHash('sha256')
        .update(`${code}${token}.${thumbprintOf(client.key)}`)
        .digest('base64url');

    it('goes from mail to certificate, and proves the domain for the whole member', async () => {
      const { id, client } = await ca.member('Whole Way');
      const { authorization, challenge } = await begin(client, 'whole.test');
      const { url, token, ...shown } = challenge;
      const mailboxes = ['hostmaster', 'postmaster', 'webmaster'].map(l => `${l}@whole.test`);
      assert.deepEqual(shown, { type: 'email-mailbox-01', status: 'pending', mailboxes, from: 'certmaster@localhost' });

      const sent = await ask(client, challenge, 'Postmaster@whole.test');
      assert.equal(sent.status, 200);
      assert.equal(sent.headers['retry-after'], '60');
      assert.deepEqual(links(sent)['up'], [authorization]);
      assert.deepEqual(sent.json, { ...challenge, sentTo: 'postmaster@whole.test' });

      const [mail, ...more] = await mailTo('postmaster@whole.test');
      assert.equal(more.length, 0);
      const code = codeIn(mail);
      for (const part of ['Whole Way', thumbprintOf(client.key), '127.0.0.1', 'whole.test']) assert.ok(mail?.text?.includes(part), part);
      assert.ok(!mail?.subject?.includes(code) && !mail?.headerLines.some(h => h.line.includes(code)));
      for (const other of ['hostmaster@whole.test', 'webmaster@whole.test']) {
        const [notice] = await mailTo(other);
        assert.doesNotMatch(notice?.text ?? '', /^[a-z2-7]{32}$/m, 'a notice without a code');
      }

      const done = await client.post(url, { response: responseOf(client, code, token) });
      assert.equal(done.status, 200, done.body.toString());
      assert.equal(done.json.status, 'valid');
      assert.equal(done.headers['retry-after'], undefined);
      assert.match(done.json.validated, /Z$/);
      assert.equal((await client.read(authorization)).json.status, 'valid');
      await issue(client, ca.net, ['whole.test']);

      const [proof] = await ca.run('domain list', { member: id, domain: 'whole.test' });
      assert.deepEqual([proof.status, proof.mailbox], ['valid', 'postmaster@whole.test']);
      const eab = await ca.run('eab create', { member: id });
      const sibling = await ca.client().open();
      await sibling.register({ eab });
      assert.equal((await sibling.newOrder(['im.whole.test'])).json.status, 'ready', 'for another account of the member');
    });

    it('lists the mailboxes of the name and of its ancestors that have an MX of their own', async () => {
      const { client } = await ca.member();
      const { challenge } = await begin(client, 'a.b.above.test', 'above.test');
      assert.deepEqual(challenge.mailboxes, ['hostmaster@above.test', 'postmaster@above.test', 'webmaster@above.test']);
      const { challenge: both } = await begin(client, 'c.above.test');
      assert.deepEqual(both.mailboxes.slice(2, 4), ['webmaster@c.above.test', 'hostmaster@above.test']);
      ca.net.dns.mx.set('test', [{ exchange: 'mx.test', preference: 1 }]);
      const { json } = await client.newOrder(['nomx.test']);
      const { challenges } = (await client.read(json.authorizations[0])).json;
      assert.ok(!challenges.some((c: Json) => c.type === 'email-mailbox-01'), 'none above the registrable domain');
      ca.net.dns.mx.delete('test');
    });

    it('{} takes the first mailbox; asking again sends the same code; another mailbox gets its own', async () => {
      const { client } = await ca.member();
      const { challenge } = await begin(client, 'twice.test');
      assert.equal((await ask(client, challenge)).json.sentTo, 'hostmaster@twice.test');
      await ca.settled();
      await ask(client, challenge);
      const codes = (await mailTo('hostmaster@twice.test')).map(codeIn);
      assert.equal(codes.length, 2);
      assert.equal(codes[0], codes[1]);
      const other = await ask(client, challenge, 'webmaster@twice.test');
      assert.equal(other.json.sentTo, 'webmaster@twice.test');
      const last = codeIn((await mailTo('webmaster@twice.test')).find(hasCode));
      assert.notEqual(last, codes[0]);
      const done = await client.post(challenge.url, { response: responseOf(client, codes[0]!, challenge.token) });
      assert.equal(done.json.status, 'valid', 'the first code is still good');
    });

    it('a wrong response is incorrectResponse, and the challenge stays pending', async () => {
      const { client } = await ca.member();
      const { client: stranger } = await ca.member();
      const { authorization, challenge } = await begin(client, 'wrong.test');
      refused(await client.post(challenge.url, { response: 'AAAA' }), 'malformed', 400, /No code/);
      await ask(client, challenge);
      const code = codeIn((await mailTo('hostmaster@wrong.test')).at(-1));
      const wrong = [
        'AAAA',
        '',
        responseOf(client, code, ''),
        responseOf(client, '', challenge.token),
        responseOf(stranger, code, challenge.token),
      ];
      for (const response of wrong) refused(await client.post(challenge.url, { response }), 'incorrectResponse', 403);
      for (const response of [5, null, 'a=', 'ä', {}]) refused(await client.post(challenge.url, { response }), 'malformed');
      const { status, headers } = await client.read(challenge.url);
      assert.deepEqual([status, headers['retry-after']], [200, '60']);
      assert.equal((await client.read(authorization)).json.status, 'pending');
      assert.equal((await client.post(challenge.url, { response: responseOf(client, code, challenge.token) })).json.status, 'valid');
    });

    it('both members at once, and a mailbox that is not listed, are malformed; nothing is sent', async () => {
      const { client } = await ca.member();
      const { challenge } = await begin(client, 'shape.test');
      refused(await client.post(challenge.url, { mailbox: 'hostmaster@shape.test', response: 'AAAA' }), 'malformed', 400, /not both/);
      const others = ['root@shape.test', 'hostmaster@other.test', 'hostmaster', 'hostmaster@shape.test\n', 5, null, {}];
      for (const mailbox of others)
        refused(await client.post(challenge.url, { mailbox }), 'malformed', 400, /hostmaster@shape\.test, postmaster@shape\.test/);
      assert.deepEqual(await mailTo('hostmaster@shape.test'), []);
      assert.ok(!('sentTo' in (await client.read(challenge.url)).json));
    });

    it('the address that the mail names is the connection’s, whatever X-Forwarded-For says', async () => {
      const { client } = await ca.member();
      const { challenge } = await begin(client, 'forwarded.test');
      const body = jws(client.key, { nonce: await client.takeNonce(), url: challenge.url, kid: client.kid! }, {});
      const headers = { 'Content-Type': 'application/jose+json', 'X-Forwarded-For': '192.0.2.66' };
      assert.equal((await client.send('POST', challenge.url, headers, JSON.stringify(body))).status, 200);
      const text = (await mailTo('hostmaster@forwarded.test'))[0]?.text ?? '';
      assert.ok(text.includes('127.0.0.1') && !text.includes('192.0.2.66'));
    });

    it('a code lives a day; asked for again, it lives another', async () => {
      const { client } = await ca.member();
      const { challenge } = await begin(client, 'day.test');
      await ask(client, challenge);
      const response = responseOf(client, codeIn((await mailTo('hostmaster@day.test')).at(-1)), challenge.token);
      ca.later(86400);
      refused(await client.post(challenge.url, { response }), 'malformed', 400, /within the last day/);
      await ask(client, challenge);
      assert.equal((await client.post(challenge.url, { response })).json.status, 'valid');
    });

    it('a code of "domain prove" answers no challenge', async () => {
      const { id, client } = await ca.member();
      const { challenge } = await begin(client, 'purpose.test');
      await ask(client, challenge);
      await ca.run('domain prove', { member: id, domain: 'purpose.test' });
      const codes = (await mailTo('hostmaster@purpose.test')).map(codeIn);
      assert.equal(new Set(codes).size, 2);
      const confirmed: boolean[] = [];
      for (const code of codes)
        confirmed.push(
          await ca.run('domain confirm', { member: id, domain: 'purpose.test', code }).then(
            () => true,
            () => false,
          ),
        );
      assert.deepEqual([...confirmed].sort(), [false, true]);
      const answer = (ofProof: boolean) =>
        client.post(challenge.url, { response: responseOf(client, codes[confirmed.indexOf(ofProof)]!, challenge.token) });
      refused(await answer(true), 'incorrectResponse');
      assert.equal((await answer(false)).json.status, 'valid');
    });

    it('where another member holds the domain, a mailbox is not enough; both are told, neither the other’s name', async () => {
      const { id } = await ca.member('Holder Ltd');
      await ca.prove(id, 'contested.test');
      const { client } = await ca.member('Asker Inc');
      const { challenge } = await begin(client, 'contested.test');
      refused(await ask(client, challenge), 'unauthorized', 403, /Another member/);
      await ca.settled();
      const mails = (await ca.mails()).filter(m => /contested\.test/.test(m.text ?? '') && addressOf(m) === 'admin@club.test');
      const told = mails.filter(m => !/Asker Inc[\s\S]*Holder Ltd|Holder Ltd[\s\S]*Asker Inc/.test(m.text ?? ''));
      assert.ok(told.length >= 2 && told.length === mails.length, String(mails.length));
      assert.deepEqual(
        (await mailTo('hostmaster@contested.test')).filter(m => /Asker Inc/.test(m.text ?? '')),
        [],
      );
    });

    it('CAA that does not allow the method leaves it pending', async () => {
      const { client } = await ca.member();
      const { authorization, challenge } = await begin(client, 'caa.test');
      await ask(client, challenge);
      const response = responseOf(client, codeIn((await mailTo('hostmaster@caa.test')).at(-1)), challenge.token);
      ca.net.dns.caa.set('caa.test', [{ critical: false, tag: 'issue', value: 'ca.test; validationmethods=email-mailbox-01,http-01' }]);
      refused(await client.post(challenge.url, { response }), 'caa', 403);
      assert.equal((await client.read(authorization)).json.status, 'pending');
      ca.net.dns.caa.set('caa.test', [{ critical: false, tag: 'issue', value: 'ca.test; validationmethods=ca-email-mailbox-01' }]);
      assert.equal((await client.post(challenge.url, { response })).json.status, 'valid');
    });

    it('mail that is refused shows as the error, without the server’s own text; another mailbox can be named', async () => {
      const { client } = await ca.member();
      const { challenge } = await begin(client, 'bounce.test');
      const { mail } = ca.ctx.channels;
      const send = mail.send;
      mail.send = async notice => {
        if (notice.to.includes('hostmaster@bounce.test')) throw new DeliveryError('the mail server refused the mailbox', true, '5.1.1');
        return send.call(mail, notice);
      };
      try {
        await ask(client, challenge);
        await ca.settled();
        const { status, error } = (await client.read(challenge.url)).json;
        assert.deepEqual([status, error.type], ['pending', 'urn:ietf:params:acme:error:connection']);
        assert.match(error.detail, /hostmaster@bounce\.test.*refused the mailbox.*another mailbox/i);
        const second = await ask(client, challenge, 'postmaster@bounce.test');
        assert.ok(!('error' in second.json));
        await ca.settled();
        assert.equal((await mailTo('postmaster@bounce.test')).some(hasCode), true);
      } finally {
        mail.send = send;
      }
    });

    it('codes are limited for a registrable domain: rateLimited, with Retry-After, after which it goes on', async () => {
      const { client } = await ca.member();
      const { challenge } = await begin(client, 'im.flood.test', 'flood.test');
      for (let i = 0; i < 10; i++) assert.equal((await ask(client, challenge)).status, 200);
      const answer = await ask(client, challenge);
      refused(answer, 'rateLimited', 429, /flood\.test/);
      assert.equal(answer.headers['retry-after'], '3600');
      const { challenge: other } = await begin(client, 'other.flood.test', 'flood.test');
      refused(await ask(client, other), 'rateLimited', 429);
      ca.later(Number(answer.headers['retry-after']));
      assert.equal((await ask(client, challenge)).status, 200);
    });
  });
}
