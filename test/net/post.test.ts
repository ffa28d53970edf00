import assert from 'node:assert/strict';
import { parseConfig } from '../../src/config.ts';
import { Problem } from '../../src/model/problem.ts';
import type { Listener } from '../../src/net/connection.ts';
import { defaults, type Limits } from '../../src/net/limits.ts';
import type { Network, Post } from '../../src/net/network.ts';
import { whyNoTarget } from '../../src/net/post.ts';
import { createNetwork } from '../../src/net/real.ts';
import { selfSigned } from '../kit/loopback.ts';
import { peers } from '../kit/peers.ts';

describe('a POST', () => {
  const credentials = selfSigned('hook.example');
  const peer = peers();

  const network = ({ closed = true, limits = defaults, own = [] as Listener[] } = {}): Network =>
    createNetwork(parseConfig({ validation: { resolvers: [peer.dns.address], allowPrivateAddresses: closed } }, '/'), () => own, limits);
  const aPost = (url: string, more: Partial<Post> = {}): Post => ({ url, headers: {}, body: Buffer.from('{}'), roots: [], ...more });
  const problem =
    (detail: RegExp, type = 'connection') =>
    (error: unknown) => {
      assert.ok(error instanceof Problem, String(error));
      assert.match(error.detail, detail);
      assert.equal(error.type, type);
      return true;
    };

  it('has its headers, its body and a name, and gives the status', async () => {
    const seen: object[] = [];
    const port = await peer.servers.http((req, res) => {
      let body = '';
      req.setEncoding('utf8').on('data', chunk => {
        body += chunk;
      });
      req.on('end', () => {
        seen.push({ method: req.method, url: req.url, ...req.headers, body });
        res.writeHead(204).end();
      });
    });
    const url = `http://a.example:${port}/x?y=1`;
    const headers = { 'content-type': 'application/json', 'content-length': '7' };
    assert.deepEqual(await network().post(aPost(url, { headers, body: Buffer.from('{"a":1}') })), { status: 204, address: '127.0.0.1' });
    assert.deepEqual(seen, [
      { method: 'POST', url: '/x?y=1', host: `a.example:${port}`, ...headers, connection: 'close', body: '{"a":1}' },
    ]);
  });

  it('gives what the answer says of another attempt (RFC 9110 §10.2.3)', async () => {
    const port = await peer.servers.http((_req, res) => res.writeHead(503, { 'Retry-After': '120' }).end());
    const answer = await network().post(aPost(`http://a.example:${port}/`));
    assert.deepEqual(answer, { status: 503, address: '127.0.0.1', retryAfter: '120' });
  });

  describe('over TLS', () => {
    const listen = () => peer.servers.https((_req, res) => res.end('ok'), credentials);

    it('trusts the roots that it is given', async () => {
      const url = `https://hook.example:${await listen()}/`;
      assert.equal((await network().post(aPost(url, { roots: [credentials.cert] }))).status, 200);
    });

    it('and nobody else', async () => {
      const url = `https://hook.example:${await listen()}/`;
      await assert.rejects(network().post(aPost(url)), problem(/its certificate is refused \(DEPTH_ZERO_SELF_SIGNED_CERT\)/, 'tls'));
    });

    it('refuses a certificate for another name, and for another address', async () => {
      const port = await listen();
      for (const host of ['other.example', '127.0.0.1'])
        await assert.rejects(
          network().post(aPost(`https://${host}:${port}/`, { roots: [credentials.cert] })),
          problem(/its certificate is refused \(ERR_TLS_CERT_ALTNAME_INVALID\)/, 'tls'),
        );
    });
  });

  it('follows no redirect', async () => {
    const asked: (string | undefined)[] = [];
    const port = await peer.servers.http((req, res) => {
      asked.push(req.url);
      res.writeHead(307, { location: '/other' }).end();
    });
    assert.equal((await network().post(aPost(`http://a.example:${port}/`))).status, 307);
    assert.deepEqual(asked, ['/']);
  });

  describe('ends', () => {
    const limits: Limits = { ...defaults, post: { deadline: 300 } };

    it('with the head of an answer whose body has no end', async () => {
      let isOpen = true;
      const port = await peer.servers.http((_req, res) => {
        res.on('close', () => {
          isOpen = false;
        });
        // In a turn of its own: callbacks that follow each other at once would keep the client from its answer.
        const more = () => {
          if (isOpen) res.write(Buffer.alloc(65536), () => setImmediate(more));
        };
        more();
      });
      assert.equal((await network().post(aPost(`http://a.example:${port}/`))).status, 200);
      while (isOpen) await new Promise(resolve => setTimeout(resolve, 5));
    });

    it('where there is no answer, or one that trickles', async () => {
      const silent = await peer.servers.raw(() => {});
      const slow = await peer.servers.raw(socket => {
        socket.write('HTTP/1.1 200 OK\r\n');
        const timer = setInterval(() => socket.write('X: y\r\n'), 20);
        socket.on('close', () => clearInterval(timer));
      });
      for (const port of [silent, slow])
        await assert.rejects(network({ limits }).post(aPost(`http://a.example:${port}/`)), problem(/no end within 0\.3 seconds/));
    });

    it('where the head is huge, or is none', async () => {
      const huge = await peer.servers.http((_req, res) => res.writeHead(200, { X: 'x'.repeat(20_000) }).end());
      await assert.rejects(network().post(aPost(`http://a.example:${huge}/`)), problem(/its headers are too large/));
      const none = await peer.servers.raw(socket => socket.end('220 mail.example ESMTP\r\n'));
      await assert.rejects(network().post(aPost(`http://a.example:${none}/`)), problem(/is not HTTP|was reset/));
    });

    it('where it is told to', async () => {
      const port = await peer.servers.raw(() => {});
      const controller = new AbortController();
      const posted = network().post(aPost(`http://a.example:${port}/`), controller.signal);
      setTimeout(() => controller.abort('enough'), 50);
      await assert.rejects(posted, problem(/enough/));
    });
  });

  describe('in the open world', () => {
    const post = (url: string, own: Listener[] = []) => network({ closed: false, own }).post(aPost(url));

    const addresses: [string, RegExp][] = [
      ['127.0.0.1', /loopback/],
      ['127.1', /loopback/],
      ['0x7f000001', /loopback/],
      ['2130706433', /loopback/],
      ['0.0.0.0', /unspecified/],
      ['10.1.2.3', /private/],
      ['172.16.0.1', /private/],
      ['192.168.1.1', /private/],
      ['100.64.0.1', /shared by a carrier/],
      ['169.254.169.254', /link local/],
      ['[::1]', /loopback/],
      ['[::]', /unspecified/],
      ['[::ffff:127.0.0.1]', /IPv4-mapped/],
      ['[64:ff9b::7f00:1]', /NAT64/],
      ['[fe80::1]', /link local/],
      ['[fd00::1]', /unique local/],
    ];
    for (const [host, why] of addresses)
      it(`does not go to ${host}`, async () => {
        assert.match(String(whyNoTarget(`https://${host}/`, false)), why);
        await assert.rejects(post(`https://${host}/`), problem(why));
      });

    const resolved: [string, 'A' | 'AAAA', RegExp][] = [
      ['127.0.0.1', 'A', /loopback/],
      ['10.1.2.3', 'A', /private/],
      ['169.254.169.254', 'A', /link local/],
      ['::1', 'AAAA', /loopback/],
      ['::ffff:127.0.0.1', 'AAAA', /IPv4-mapped/],
      ['fd00::1', 'AAAA', /unique local/],
    ];
    for (const [address, type, why] of resolved)
      it(`does not go to a name that is at ${address}`, async () => {
        peer.dns.set('inside.example', type, [address]);
        assert.equal(whyNoTarget('https://inside.example/', false), undefined);
        await assert.rejects(post('https://inside.example/'), problem(why));
      });

    it('does not go to a listener of our own', async () => {
      peer.dns.set('self.example', 'A', ['1.2.3.4']);
      await assert.rejects(post('https://self.example:8444/', [{ address: '1.2.3.4', port: 8444 }]), problem(/this server itself/));
    });

    it('goes to the very address that was looked up', async () => {
      let asked = 0;
      // The second answer would lead inside.
      peer.dns.set('rebind.example', 'A', () => [asked++ === 0 ? '10.0.0.1' : '127.0.0.1']);
      await assert.rejects(post('https://rebind.example/'), problem(/10\.0\.0\.1, which is private/));
      assert.equal(asked, 1);
    });

    for (const url of ['http://a.example/', 'ftp://a.example/', 'https://user:pw@a.example/', 'https://a.example/#x', '//a.example/', ''])
      it(`does not take ${url || 'nothing'} for a target`, async () => {
        assert.notEqual(whyNoTarget(url, false), undefined);
        await assert.rejects(post(url), Problem);
      });
  });
});
