import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { parseConfig } from '../../src/config.ts';
import { Problem } from '../../src/model/problem.ts';
import { createDial, publicOnly, type Refuse } from '../../src/net/connection.ts';
import { createDns } from '../../src/net/dns.ts';
import { createGet } from '../../src/net/http.ts';
import { defaults, type Limits } from '../../src/net/limits.ts';
import type { Network } from '../../src/net/network.ts';
import { createNetwork } from '../../src/net/real.ts';
import { selfSigned } from '../kit/loopback.ts';
import { peers } from '../kit/peers.ts';

const path = '/.well-known/acme-challenge/token';

describe('http', () => {
  const peer = peers();

  const network = (httpPort: number, { tlsPort = 443, limits = defaults, allowPrivateAddresses = true } = {}): Network => {
    const validation = { resolvers: [peer.dns.address], httpPort, tlsPort, allowPrivateAddresses };
    return createNetwork(parseConfig({ validation }, '/'), () => [], limits);
  };
  const get = (name: string, port: number, limits = defaults) => network(port, { limits }).get({ name, path });
  const shortly = (http: Partial<Limits['http']>): Limits => ({ ...defaults, http: { ...defaults.http, ...http } });

  const problem =
    (detail: RegExp, type = 'connection') =>
    (error: unknown) => {
      assert.ok(error instanceof Problem, String(error));
      assert.match(error.detail, detail);
      assert.equal(error.type, type);
      return true;
    };

  /** Redirects to the given location, then answers `done` to everything else. */
  const redirecting = (location: (host: string) => string, status = 302) =>
    peer.servers.http((req, res) => {
      if (req.url === path) res.writeHead(status, { location: location(req.headers.host ?? '') }).end();
      else res.end(`done ${req.headers.host} ${req.url}`);
    });
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

  it('gets a page as RFC 8555 asks', async () => {
    const seen: Record<string, unknown>[] = [];
    const port = await peer.servers.http((req, res) => {
      seen.push({ method: req.method, url: req.url, ...req.headers });
      res.writeHead(200, { 'Content-Type': 'text/plain', 'Set-Cookie': ['a=1', 'b=2'] }).end('hello');
    });
    const reply = await get('a.example', port);
    assert.equal(reply.status, 200);
    assert.equal(text(reply.body), 'hello');
    assert.equal(reply.address, '127.0.0.1');
    assert.equal(reply.url, `http://a.example:${port}${path}`);
    assert.equal(reply.headers['content-type'], 'text/plain');
    assert.equal(reply.headers['set-cookie'], 'a=1, b=2');
    assert.deepEqual(seen, [
      {
        method: 'GET',
        url: path,
        host: `a.example:${port}`,
        accept: '*/*',
        'accept-encoding': 'identity',
        'user-agent': 'xmpp-ca (ACME validation)',
        connection: 'close',
      },
    ]);
  });

  it('hands out other statuses', async () => {
    const port = await peer.servers.http((_req, res) => res.writeHead(404).end('no'));
    assert.equal((await get('a.example', port)).status, 404);
    const bare = await peer.servers.http((_req, res) => res.writeHead(302).end());
    assert.equal((await get('a.example', bare)).status, 302);
  });

  describe('redirects', () => {
    for (const status of [301, 302, 303, 307, 308])
      it(`follows ${status}, to another host, without the fragment`, async () => {
        const port = await redirecting(() => `http://B.example/x?y=1#z`, status);
        const reply = await get('a.example', port);
        assert.equal(text(reply.body), `done b.example:${port} /x?y=1`);
        assert.equal(reply.url, `http://b.example:${port}/x?y=1`);
      });

    it('follows a relative one', async () => {
      const port = await redirecting(() => '/x');
      assert.equal(text((await get('a.example', port)).body), `done a.example:${port} /x`);
    });

    it('does not wait for the body of one', async () => {
      const port = await peer.servers.http((req, res) => {
        if (req.url === path) res.writeHead(302, { location: '/x' }).write('and then');
        else res.end('done');
      });
      assert.equal(text((await get('a.example', port)).body), 'done');
    });

    it('does not follow other statuses', async () => {
      const port = await redirecting(() => '/x', 300);
      assert.equal((await get('a.example', port)).status, 300);
    });

    for (const explicit of [true, false])
      it(`follows to https, whoever signed the certificate, ${explicit ? 'with' : 'without'} a port`, async () => {
        const tlsPort = await peer.servers.https((req, res) => res.end(`secure ${req.headers.host}`), selfSigned('other.example'));
        const port = await redirecting(() => `https://b.example${explicit ? `:${tlsPort}` : ''}/x`);
        const reply = await network(port, { tlsPort }).get({ name: 'a.example', path });
        assert.equal(text(reply.body), `secure b.example:${tlsPort}`);
        assert.equal(reply.url, `https://b.example:${tlsPort}/x`);
      });

    const refused: [string, string, RegExp][] = [
      ['another port', 'http://b.example:9/', /redirects to http:\/\/b\.example:9\/: only port \d+ is asked by http\.$/],
      ['another port for https', 'https://b.example:8443/', /: only port 443 is asked by https\.$/],
      ['an IPv4 address', 'http://127.0.0.1/', /: an IP address, where a domain name is due\.$/],
      ['an IPv4 address in disguise', 'http://0x7f.1/', /: an IP address, where a domain name is due\.$/],
      ['an IPv4 address with a dot', 'http://127.0.0.1./', /: an IP address, where a domain name is due\.$/],
      ['an IPv6 address', 'http://[::1]/', /: an IP address, where a domain name is due\.$/],
      ['credentials', 'http://user:pass@b.example/', /: a URL with credentials is not followed\.$/],
      ['ftp', 'ftp://b.example/x', /redirects to ftp:\/\/b\.example\/x: neither http nor https\.$/],
      ['file', 'file:///etc/passwd', /: neither http nor https\.$/],
      ['no URL', 'http://', /redirects to http:\/\/: not a URL\.$/],
      ['an odd host', 'http://b!c.example/', /: its host is not a domain name\.$/],
    ];
    for (const [what, location, detail] of refused)
      it(`refuses ${what}`, async () => {
        const port = await redirecting(() => location);
        await assert.rejects(get('a.example', port), problem(detail));
      });

    it('keeps odd text of the peer out of the detail', async () => {
      const port = await redirecting(() => `ftp://b.example/<script>"\u00e9' ${'x'.repeat(300)}`);
      await assert.rejects(get('a.example', port), (error: unknown) => {
        assert.ok(error instanceof Problem);
        assert.match(error.detail, /ftp:\/\/b\.example\/\\u003cscript\\u003e\\u0022\u00e9\\u0027 x+…: neither http nor https\.$/);
        assert.doesNotMatch(error.detail, /x{200}/);
        return true;
      });
    });

    const counting = (redirects: number) =>
      peer.servers.http((req, res) => {
        const n = Number(req.url?.match(/^\/(\d+)$/)?.[1] ?? 0);
        if (n < redirects) res.writeHead(302, { location: `/${n + 1}` }).end();
        else res.end('done');
      });

    it('follows 10', async () => {
      assert.equal(text((await get('a.example', await counting(10))).body), 'done');
    });

    it('refuses the 11th', async () => {
      await assert.rejects(get('a.example', await counting(11)), problem(/^a\.example redirects more than 10 times\.$/));
    });

    it('refuses a circle', async () => {
      const port = await peer.servers.http((req, res) => res.writeHead(302, { location: req.url === path ? '/x' : path }).end());
      await assert.rejects(get('a.example', port), problem(/redirects in a circle\.$/));
    });
  });

  describe('limits', () => {
    it('reads no more than the cap', async () => {
      const port = await peer.servers.http((_req, res) => {
        const pour = () => {
          while (res.write(Buffer.alloc(65_536, 'x')));
          res.once('drain', pour);
        };
        pour();
      });
      const reply = await get('a.example', port);
      assert.equal(reply.body.length, defaults.http.body);
    });

    it('reads a body of exactly the cap and one byte less', async () => {
      for (const size of [defaults.http.body, defaults.http.body - 1]) {
        const port = await peer.servers.http((_req, res) => res.end(Buffer.alloc(size)));
        assert.equal((await get('a.example', port)).body.length, size);
      }
    });

    it('refuses large headers', async () => {
      const port = await peer.servers.raw(socket => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`));
      await assert.rejects(get('a.example', port), problem(/its headers are too large\.$/));
    });

    it('ends a body that drips', async () => {
      const port = await peer.servers.http((_req, res) => {
        const timer = setInterval(() => res.write('x'), 5);
        res.on('close', () => clearInterval(timer));
      });
      await assert.rejects(
        get('a.example', port, shortly({ deadline: 100 })),
        problem(/^http:\/\/a\.example:\d+\S+ \(127\.0\.0\.1\): no end within 0\.1 seconds\.$/),
      );
    });

    it('ends headers that drip', async () => {
      const port = await peer.servers.raw(socket => {
        socket.write('HTTP/1.1 200 OK\r\nx: ');
        const timer = setInterval(() => socket.write('y'), 5);
        socket.on('close', () => clearInterval(timer));
      });
      await assert.rejects(get('a.example', port, shortly({ deadline: 100 })), problem(/no end within 0\.1 seconds\.$/));
    });

    it('ends endless 103 answers', async () => {
      const port = await peer.servers.raw(socket => {
        const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 5);
        socket.on('close', () => clearInterval(timer));
      });
      await assert.rejects(get('a.example', port, shortly({ deadline: 100 })), problem(/no end within 0\.1 seconds\.$/));
    });

    it('has one deadline for all redirects', async () => {
      let n = 0;
      const port = await peer.servers.http((_req, res) => void setTimeout(() => res.writeHead(302, { location: `/${++n}` }).end(), 40));
      await assert.rejects(get('a.example', port, shortly({ deadline: 150, redirects: 1e6 })), problem(/no end within 0\.15 seconds\.$/));
    });

    it('ends when the resolver does not answer', async () => {
      peer.dns.drop('a.example');
      await assert.rejects(get('a.example', 80, shortly({ deadline: 100 })), problem(/no end within 0\.1 seconds\.$/, 'dns'));
    });

    it('ends by the signal', async () => {
      const controller = new AbortController();
      const port = await peer.servers.http(() => controller.abort());
      await assert.rejects(network(port).get({ name: 'a.example', path }, controller.signal), problem(/: the check was cancelled\.$/));
      await assert.rejects(network(port).get({ name: 'a.example', path }, controller.signal), problem(/cancelled\.$/, 'dns'));
    });
  });

  describe('bad peers', () => {
    it('names a refused connection', async () => {
      const port = await peer.servers.raw(() => {});
      await peer.servers.close();
      await assert.rejects(
        get('a.example', port),
        problem(/^Cannot connect to a\.example on port \d+: 127\.0\.0\.1: the connection was refused\.$/),
      );
    });

    const answers: [string, string, RegExp][] = [
      ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n<b>', /: the answer is not HTTP \(HPE_INVALID_CONSTANT\)\.$/],
      ['nothing', '', /: the connection was reset\.$/],
      ['101', 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', /: the connection was reset\.$/],
      ['less than it promised', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx', /: the connection was reset\.$/],
      [
        'a line break in a header',
        'HTTP/1.1 302 Found\r\nlocation: /\u0000x\r\n\r\n',
        /: the answer is not HTTP \(HPE_INVALID_HEADER_TOKEN\)\.$/,
      ],
    ];
    for (const [what, bytes, detail] of answers)
      it(`names a peer that says ${what}`, async () => {
        const port = await peer.servers.raw(socket => socket.once('data', () => socket.end(bytes)));
        await assert.rejects(get('a.example', port), problem(detail));
      });

    it('names a TLS failure behind a redirect', async () => {
      const tlsPort = await peer.servers.raw(socket => socket.once('data', () => socket.end('no TLS here')));
      const port = await redirecting(() => 'https://b.example/');
      await assert.rejects(
        network(port, { tlsPort }).get({ name: 'a.example', path }),
        problem(/^The TLS handshake with b\.example \(127\.0\.0\.1, port \d+\) failed: [a-z0-9 ]+\.$/, 'tls'),
      );
    });
  });

  describe('addresses', () => {
    const hello = (at?: { host: string; port?: number }) => peer.servers.http((_req, res) => res.end(`hello from ${at?.host}`), at);

    it('fall back to the next when a connection fails', async () => {
      const port = await hello({ host: '127.0.0.1' });
      peer.dns.set('a.example', 'AAAA', ['::1']);
      peer.dns.set('a.example', 'A', ['127.0.0.1']);
      assert.equal((await get('a.example', port)).address, '127.0.0.1');
    });

    it('begin with IPv6', async () => {
      if (!Object.values(networkInterfaces()).some(list => list?.some(own => own.address === '::1'))) return;
      const port = await hello({ host: '::1' });
      peer.dns.set('a.example', 'AAAA', ['::1']);
      peer.dns.set('a.example', 'A', ['127.0.0.1']);
      assert.equal((await get('a.example', port)).address, '::1');
    });

    it('do not fall back once connected', async () => {
      const port = await peer.servers.raw(socket => socket.destroy());
      await hello({ host: '127.0.0.2', port });
      peer.dns.set('a.example', 'A', ['127.0.0.1']);
      peer.dns.set('a.example', 'AAAA', ['::ffff:127.0.0.2']);
      assert.equal(text((await get('a.example', port)).body), 'hello from 127.0.0.2');
      peer.dns.set('a.example', 'AAAA', ['::ffff:127.0.0.1']);
      peer.dns.set('a.example', 'A', ['127.0.0.2']);
      await assert.rejects(get('a.example', port), problem(/: the connection was reset\.$/));
    });

    it('that are tried are few', async () => {
      const port = await hello({ host: '127.0.0.9' });
      peer.dns.set('a.example', 'A', ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4']);
      await assert.rejects(get('a.example', port), (error: unknown) => {
        assert.ok(error instanceof Problem);
        assert.equal(error.detail.match(/was refused/g)?.length, defaults.connect.addresses);
        return true;
      });
    });

    it('are looked up once a connection: a second answer changes nothing', async () => {
      const port = await hello({ host: '127.0.0.1' });
      await hello({ host: '127.0.0.2', port });
      const answers = ['127.0.0.1', '127.0.0.2'];
      peer.dns.set('a.example', 'A', () => [answers.shift() ?? '127.0.0.3']);
      assert.equal(text((await get('a.example', port)).body), 'hello from 127.0.0.1');
      assert.equal(peer.dns.queries.filter(q => q.type === 'A').length, 1);
    });

    it('are looked up and judged anew at each redirect', async () => {
      const port = await redirecting(host => `http://${host}/x`);
      await redirectingAt('127.0.0.2', port);
      const answers = ['127.0.0.1', '127.0.0.2'];
      peer.dns.set('a.example', 'A', () => [answers.shift() ?? '127.0.0.3']);
      const refuse: Refuse = address => (address === '127.0.0.2' ? 'rebound: not a public address' : undefined);
      const dial = createDial(createDns([peer.dns.address], defaults.dns), refuse, defaults.connect);
      const guarded = createGet(dial, { http: port, https: 443 }, defaults.http);
      await assert.rejects(
        guarded({ name: 'a.example', path }),
        problem(/^a\.example resolves to 127\.0\.0\.2, which is rebound: not a public address\.$/),
      );
    });
    const redirectingAt = (host: string, port: number) => peer.servers.http((_req, res) => res.end('inside'), { host, port });

    it('that are refused are passed over while another is not', async () => {
      const port = await hello({ host: '127.0.0.1' });
      peer.dns.set('a.example', 'A', ['127.0.0.2', '127.0.0.1']);
      const dial = createDial(
        createDns([peer.dns.address], defaults.dns),
        address => (address === '127.0.0.2' ? 'x' : undefined),
        defaults.connect,
      );
      const { socket, address } = await dial('a.example', port, new AbortController().signal);
      socket.destroy();
      assert.equal(address, '127.0.0.1');
    });

    it('that are private are refused unless the configuration allows them', async () => {
      const port = await hello();
      const strict = network(port, { allowPrivateAddresses: false });
      await assert.rejects(
        strict.get({ name: 'a.example', path }),
        problem(/^a\.example resolves to 127\.0\.0\.1, which is loopback \(RFC 1122\): not a public address\.$/),
      );
      peer.dns.set('b.example', 'AAAA', ['::ffff:127.0.0.1']);
      await assert.rejects(strict.get({ name: 'b.example', path }), problem(/which is IPv4-mapped \(RFC 4291\)/));
    });

    it('that are unknown are named', async () => {
      peer.dns.fallback = {};
      await assert.rejects(get('a.example', 80), problem(/^a\.example has no A or AAAA record\.$/, 'dns'));
    });
  });

  describe('publicOnly', () => {
    it("refuses this server's own listeners, by address and port", () => {
      const refuse = publicOnly(() => [
        { address: '8.8.8.8', port: 80 },
        { address: '2606:4700:0::1111', port: 443 },
      ]);
      assert.match(refuse('8.8.8.8', 80) ?? '', /^this server itself/);
      assert.match(refuse('2606:4700::1111', 443) ?? '', /^this server itself/);
      assert.equal(refuse('8.8.8.8', 443), undefined);
      assert.equal(refuse('8.8.4.4', 80), undefined);
    });

    it('takes a wildcard listener for every address of this machine', () => {
      const own = Object.values(networkInterfaces()).flatMap(list => list?.map(i => i.address) ?? []);
      for (const address of own) assert.notEqual(publicOnly(() => [{ address: '::', port: 80 }])(address, 80), undefined);
      assert.equal(publicOnly(() => [{ address: '0.0.0.0', port: 80 }])('8.8.8.8', 80), undefined);
    });
  });
});
