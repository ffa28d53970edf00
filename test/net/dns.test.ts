import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { ConfigError, parseConfig } from '../../src/config.ts';
import { Problem } from '../../src/model/problem.ts';
import { createDns, type Dns } from '../../src/net/dns.ts';
import { defaults } from '../../src/net/limits.ts';
import { createNetwork } from '../../src/net/real.ts';
import { type DnsServer, startDns } from '../kit/dns-server.ts';

const limits = { ...defaults.dns, timeout: 100, tries: 1 };

describe('dns', () => {
  let server: DnsServer;
  let dns: Dns;

  before(async () => {
    server = await startDns();
    dns = createDns([server.address], limits);
  });
  after(() => server.close());
  afterEach(() => {
    server.clear();
    server.chase = true;
    server.fallback = {};
  });

  const problem = (detail: RegExp) => (error: unknown) => {
    assert.ok(error instanceof Problem);
    assert.equal(error.type, 'dns');
    assert.match(error.detail, detail);
    return true;
  };

  describe('txt', () => {
    it('joins the parts of each record', async () => {
      server.set('a.example', 'TXT', [['one', 'two'], 'three']);
      assert.deepEqual((await dns.txt('a.example')).sort(), ['onetwo', 'three']);
    });

    it('is empty for an unknown name and for a name without TXT', async () => {
      server.set('a.example', 'A', ['192.0.2.1']);
      assert.deepEqual(await dns.txt('b.example'), []);
      assert.deepEqual(await dns.txt('a.example'), []);
    });

    for (const chase of [true, false])
      it(`follows CNAMEs, ${chase ? 'with' : 'without'} the resolver's help`, async () => {
        server.chase = chase;
        server.set('a.example', 'CNAME', ['b.example']);
        server.set('b.example', 'CNAME', ['c.example']);
        server.set('c.example', 'TXT', ['here']);
        assert.deepEqual(await dns.txt('a.example'), ['here']);
      });

    it('is empty at the end of a CNAME that leads nowhere', async () => {
      server.chase = false;
      server.set('a.example', 'CNAME', ['b.example']);
      assert.deepEqual(await dns.txt('a.example'), []);
    });

    it('names a circle of CNAMEs', async () => {
      server.chase = false;
      server.set('a.example', 'CNAME', ['b.example']);
      server.set('b.example', 'CNAME', ['A.example']);
      await assert.rejects(dns.txt('a.example'), problem(/^The CNAME records of a\.example run in a circle\.$/));
    });

    it('follows as many CNAMEs as the limit and no more', async () => {
      server.chase = false;
      for (let i = 0; i <= limits.cnames; i++) server.set(`n${i}.example`, 'CNAME', [`n${i + 1}.example`]);
      server.set(`n${limits.cnames + 1}.example`, 'TXT', ['here']);
      assert.deepEqual(await dns.txt('n1.example'), ['here']);
      await assert.rejects(dns.txt('n0.example'), problem(/^n0\.example has more than 8 CNAME records in a row\.$/));
    });

    it('reads a long answer over TCP', async () => {
      const long = Array.from({ length: 20 }, (_, i) => `${i}`.padStart(200, 'x'));
      server.set('a.example', 'TXT', long);
      assert.deepEqual((await dns.txt('a.example')).sort(), long.sort());
    });

    it('refuses more records than the limit', async () => {
      server.set(
        'a.example',
        'TXT',
        Array.from({ length: limits.records + 1 }, (_, i) => `${i}`),
      );
      await assert.rejects(dns.txt('a.example'), problem(/^a\.example has more than 100 TXT records\.$/));
    });

    it('asks again each time', async () => {
      let n = 0;
      server.set('a.example', 'TXT', () => [`${++n}`]);
      assert.deepEqual([await dns.txt('a.example'), await dns.txt('a.example')], [['1'], ['2']]);
    });
  });

  describe('failures', () => {
    it('names SERVFAIL', async () => {
      server.fail('a.example', 'SERVFAIL');
      await assert.rejects(
        dns.txt('a.example'),
        problem(/^The TXT lookup of a\.example failed: the resolver reports a failure \(SERVFAIL\)\.$/),
      );
      await assert.rejects(dns.caa('a.example'), problem(/^The CAA lookup of a\.example failed:/));
      await assert.rejects(dns.mx('a.example'), problem(/^The MX lookup of a\.example failed:/));
      await assert.rejects(dns.addresses('a.example'), problem(/^The A lookup of a\.example failed:/));
    });

    it('names REFUSED', async () => {
      server.fail('a.example', 'REFUSED');
      await assert.rejects(dns.caa('a.example'), problem(/failed: the resolver refuses to answer \(REFUSED\)\.$/));
    });

    it('fails when the target of a CNAME fails', async () => {
      server.chase = false;
      server.set('a.example', 'CNAME', ['b.example']);
      server.fail('b.example', 'SERVFAIL');
      await assert.rejects(dns.txt('a.example'), problem(/^The TXT lookup of b\.example failed:/));
    });

    it('names a resolver that does not answer', async () => {
      server.drop('a.example');
      await assert.rejects(dns.txt('a.example'), problem(/failed: the resolver did not answer in time\.$/));
    });

    it('names a malformed answer', async () => {
      server.set('a.example', 'CAA', [{ tag: '', value: 'x' }]);
      await assert.rejects(dns.caa('a.example'), problem(/failed: the answer is malformed\.$/));
    });

    it('names a malformed name, without its odd characters', async () => {
      await assert.rejects(dns.txt(`${'a'.repeat(64)}.example`), problem(/failed: the name is malformed\.$/));
      await assert.rejects(dns.txt(`<b>\n${'a'.repeat(64)}.example`), problem(/lookup of \\u003cb\\u003e\\u000aa+\.example failed/));
    });

    it('ends by its own deadline', async () => {
      server.drop('a.example');
      const slow = createDns([server.address], { ...limits, timeout: 60_000, deadline: 50 });
      await assert.rejects(slow.txt('a.example'), problem(/failed: no end within 0\.05 seconds\.$/));
    });

    it('ends by the signal, before and during', async () => {
      server.drop('a.example');
      const slow = createDns([server.address], { ...limits, timeout: 60_000 });
      const controller = new AbortController();
      const lookup = slow.addresses('a.example', controller.signal);
      controller.abort();
      await assert.rejects(lookup, problem(/failed: the check was cancelled\.$/));
      await assert.rejects(slow.mx('a.example', controller.signal), problem(/failed: the check was cancelled\.$/));
    });
  });

  describe('caa', () => {
    it('gives flags, tags and values, unknown tags too', async () => {
      server.set('a.example', 'CAA', [
        { tag: 'issue', value: 'ca.example; accounturi=https://ca.example/1' },
        { tag: 'IssueWild', value: ';' },
        { tag: 'tbs', value: 'x', flags: 128 },
        { tag: 'iodef', value: 'x', flags: 127 },
      ]);
      const found = await dns.caa('a.example');
      assert.deepEqual(
        found.sort((a, b) => a.tag.localeCompare(b.tag)),
        [
          { critical: false, tag: 'iodef', value: 'x' },
          { critical: false, tag: 'issue', value: 'ca.example; accounturi=https://ca.example/1' },
          { critical: false, tag: 'issuewild', value: ';' },
          { critical: true, tag: 'tbs', value: 'x' },
        ],
      );
    });

    it('fails closed for an empty value, which c-ares calls malformed', async () => {
      server.set('a.example', 'CAA', [{ tag: 'issue', value: '' }]);
      await assert.rejects(dns.caa('a.example'), problem(/failed: the answer is malformed\.$/));
    });

    for (const tag of ['critical', 'type'])
      it(`takes a tag named "${tag}", which Node cannot hand out, for a critical one`, async () => {
        server.set('a.example', 'CAA', [{ tag, value: '0' }]);
        assert.deepEqual(await dns.caa('a.example'), [{ critical: true, tag: 'unreadable', value: '' }]);
      });

    it('does not climb', async () => {
      server.set('example', 'CAA', [{ tag: 'issue', value: 'ca.example' }]);
      assert.deepEqual(await dns.caa('a.example'), []);
      assert.ok(server.queries.every(q => q.name === 'a.example'));
    });

    it('is that of the name which a CNAME leads to: the resolver is recursive', async () => {
      server.set('a.example', 'CNAME', ['b.example']);
      server.set('b.example', 'CAA', [{ tag: 'issue', value: 'ca.example' }]);
      assert.deepEqual(await dns.caa('a.example'), [{ critical: false, tag: 'issue', value: 'ca.example' }]);
    });
  });

  describe('mx', () => {
    it('gives exchanges in lower case', async () => {
      server.set('a.example', 'MX', [{ exchange: 'Mail.A.example', preference: 10 }]);
      assert.deepEqual(await dns.mx('a.example'), [{ exchange: 'mail.a.example', preference: 10 }]);
    });

    it('gives a null MX as an empty exchange', async () => {
      server.set('a.example', 'MX', [{ exchange: '.', preference: 0 }]);
      assert.deepEqual(await dns.mx('a.example'), [{ exchange: '', preference: 0 }]);
    });

    it('is empty behind a CNAME', async () => {
      server.set('a.example', 'CNAME', ['b.example']);
      server.set('b.example', 'MX', [{ exchange: 'mail.b.example', preference: 10 }]);
      assert.deepEqual(await dns.mx('a.example'), []);
    });

    it('is empty where there is none', async () => {
      assert.deepEqual(await dns.mx('a.example'), []);
    });
  });

  describe('addresses', () => {
    it('gives both families', async () => {
      server.set('a.example', 'A', ['192.0.2.1', '192.0.2.2']);
      server.set('a.example', 'AAAA', ['2001:db8::1']);
      const { ipv6, ipv4 } = await dns.addresses('a.example');
      assert.deepEqual([ipv6, ipv4.sort()], [['2001:db8::1'], ['192.0.2.1', '192.0.2.2']]);
    });

    it('makes do with one family when the other fails', async () => {
      server.set('a.example', 'A', ['192.0.2.1']);
      server.fail('a.example', 'SERVFAIL', 'AAAA');
      assert.deepEqual(await dns.addresses('a.example'), { ipv6: [], ipv4: ['192.0.2.1'] });
    });

    it('fails when one family fails and the other has none', async () => {
      server.set('a.example', 'TXT', ['x']);
      server.fail('a.example', 'SERVFAIL', 'AAAA');
      await assert.rejects(dns.addresses('a.example'), problem(/^The AAAA lookup of a\.example failed:/));
    });

    it('follows CNAMEs without the resolver', async () => {
      server.chase = false;
      server.set('a.example', 'CNAME', ['b.example']);
      server.set('b.example', 'AAAA', ['2001:db8::1']);
      assert.deepEqual(await dns.addresses('a.example'), { ipv6: ['2001:db8::1'], ipv4: [] });
    });

    it('says when there are none', async () => {
      await assert.rejects(dns.addresses('a.example'), problem(/^a\.example has no A or AAAA record\.$/));
    });
  });

  it('refuses a resolver that is not an IP address, when it starts', () => {
    for (const resolver of ['resolver.example:53', '192.0.2.53', '192.0.2.53:99999', '[2001:db8::g]:53', '300.0.0.1:53'])
      assert.throws(() => parseConfig({ validation: { resolvers: [resolver] } }, '/'), ConfigError);
    createNetwork(parseConfig({ validation: { resolvers: ['192.0.2.53:53', '[2001:db8::53]:53'] } }, '/'), () => []);
  });

  it('names a resolver that is not there', async () => {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    const { port } = socket.address();
    await new Promise<void>(resolve => socket.close(() => resolve()));
    await assert.rejects(
      createDns([`127.0.0.1:${port}`], limits).txt('a.example'),
      problem(/failed: the resolver (cannot be reached|did not answer in time)\.$/),
    );
  });
});
