import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { canonical, networkOf, refusal, specialBlocks } from '../../src/net/addresses.ts';

const refused: [string, string][] = [
  ['0.0.0.0', 'unspecified (RFC 1122)'],
  ['0.1.2.3', '"this network" (RFC 791)'],
  ['10.255.255.255', 'private (RFC 1918)'],
  ['100.64.0.0', 'shared by a carrier (CGNAT) (RFC 6598)'],
  ['100.127.255.255', 'shared by a carrier (CGNAT) (RFC 6598)'],
  ['127.0.0.1', 'loopback (RFC 1122)'],
  ['127.255.255.255', 'loopback (RFC 1122)'],
  ['169.254.169.254', 'link local (RFC 3927)'],
  ['172.31.0.1', 'private (RFC 1918)'],
  ['192.0.0.10', 'TURN anycast (RFC 8155)'],
  ['192.0.0.171', 'for NAT64 discovery (RFC 8880)'],
  ['192.0.0.200', 'for IETF protocols (RFC 6890)'],
  ['192.0.2.1', 'documentation (RFC 5737)'],
  ['192.88.99.1', '6to4 relay anycast (RFC 7526)'],
  ['192.168.1.1', 'private (RFC 1918)'],
  ['198.19.255.255', 'benchmarking (RFC 2544)'],
  ['198.51.100.7', 'documentation (RFC 5737)'],
  ['203.0.113.7', 'documentation (RFC 5737)'],
  ['224.0.0.1', 'multicast (RFC 5771)'],
  ['239.255.255.255', 'multicast (RFC 5771)'],
  ['240.0.0.1', 'reserved (RFC 1112)'],
  ['255.255.255.255', 'broadcast (RFC 919)'],
  ['::', 'unspecified (RFC 4291)'],
  ['::1', 'loopback (RFC 4291)'],
  ['::7f00:1', 'IPv4-compatible (RFC 4291)'],
  ['::ffff:8.8.8.8', 'IPv4-mapped (RFC 4291)'],
  ['::ffff:7f00:1', 'IPv4-mapped (RFC 4291)'],
  ['64:ff9b::808:808', 'NAT64 (RFC 6052)'],
  ['64:ff9b:1::1', 'NAT64 (RFC 8215)'],
  ['64:ff9b:2::1', 'not global unicast (RFC 4291)'],
  ['100::1', 'discard-only (RFC 6666)'],
  ['100:0:0:1::1', 'a dummy prefix (RFC 9780)'],
  ['2001::1', 'Teredo (RFC 4380)'],
  ['2001:2::1', 'benchmarking (RFC 5180)'],
  ['2001:10::1', 'ORCHID (RFC 4843)'],
  ['2001:2f:ffff::1', 'ORCHIDv2 (RFC 7343)'],
  ['2001:30::1', 'drone remote identification (RFC 9374)'],
  ['2001:1ff::1', 'for IETF protocols (RFC 2928)'],
  ['2001:db8::1', 'documentation (RFC 3849)'],
  ['2002:7f00:1::', '6to4 (RFC 3056)'],
  ['2620:4f:8000::1', 'AS112 (RFC 7534)'],
  ['3fff:fff::1', 'documentation (RFC 9637)'],
  ['5f00::1', 'segment routing (RFC 9602)'],
  ['4000::1', 'not global unicast (RFC 4291)'],
  ['1fff:ffff::1', 'not global unicast (RFC 4291)'],
  ['fd00::1', 'unique local (RFC 4193)'],
  ['fe80::1', 'link local (RFC 4291)'],
  ['fe80::1%eth0', 'link local (RFC 4291)'],
  ['fec0::1', 'site local (RFC 3879)'],
  ['ff02::1', 'multicast (RFC 4291)'],
  ['', 'not an IP address'],
  ['example.org', 'not an IP address'],
  ['0x7f.1', 'not an IP address'],
  ['010.0.0.1', 'not an IP address'],
  ['2130706433', 'not an IP address'],
];

const permitted = [
  '8.8.8.8',
  '1.0.0.0',
  '100.63.255.255',
  '100.128.0.0',
  '172.15.0.1',
  '172.32.0.1',
  '192.0.1.1',
  '198.20.0.0',
  '223.255.255.255',
];
const permittedIpv6 = ['2000::1', '2001:200::1', '2001:db7::1', '2001:db9::1', '2003::1', '2606:4700::1111', '3ffe::1', '3fff:1000::1'];

describe('addresses', () => {
  for (const [address, why] of refused)
    it(`refuses ${address || 'nothing'}: ${why}`, () => {
      assert.equal(refusal(address), why);
    });

  for (const address of [...permitted, ...permittedIpv6])
    it(`permits ${address}`, () => {
      assert.equal(refusal(address), undefined);
    });

  it('names an RFC for every block', () => {
    for (const [subnet, , source] of specialBlocks) assert.match(source, /^RFC \d+$/, subnet);
  });

  it('refuses every address inside every block', () => {
    fc.assert(
      fc.property(fc.constantFrom(...specialBlocks), fc.bigInt(0n, 2n ** 128n - 1n), ([subnet], random) => {
        const address = inside(subnet, random);
        assert.notEqual(isIP(address), 0, address);
        assert.notEqual(refusal(address), undefined, `${address} in ${subnet}`);
      }),
      { numRuns: 2000 },
    );
  });

  it('permits no IPv6 address outside 2000::/3', () => {
    const outside = fc.bigInt(0n, 2n ** 128n - 1n).filter(bits => bits >> 125n !== 1n);
    fc.assert(fc.property(outside, bits => refusal(writeIpv6(bits)) !== undefined));
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.ipV4(), fc.ipV6(), fc.domain()),
        text => void [refusal(text), networkOf(text), canonical(text), canonical(`${text}%x`)],
      ),
    );
  });

  it('compares addresses by one spelling', () => {
    assert.equal(canonical('2001:DB8:0:0::1'), canonical('2001:db8::0001'));
    assert.equal(canonical('localhost'), 'localhost');
  });

  for (const [address, network] of [
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:DB8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::5', '2001:db8:0:0::/64'],
    ['1:2:3:4:5::', '1:2:3:4::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::', '0:0:0:0::/64'],
    ['', ''],
  ] as const)
    it(`counts ${address || 'none'} as ${network || 'none'}`, () => assert.equal(networkOf(address), network));
});

/** The block's first bits with random ones after them. */
function inside(subnet: string, random: bigint): string {
  const [start = '', length] = subnet.split('/');
  const width = start.includes(':') ? 128n : 32n;
  const free = width - BigInt(length ?? 0);
  const base = width === 32n ? readIpv4(start) : readIpv6(start);
  const bits = base | (random & (2n ** free - 1n));
  return width === 32n ? writeIpv4(bits) : writeIpv6(bits);
}

function readIpv4(text: string): bigint {
  return text.split('.').reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n);
}

function writeIpv4(bits: bigint): string {
  return [24n, 16n, 8n, 0n].map(shift => (bits >> shift) & 255n).join('.');
}

function readIpv6(text: string): bigint {
  const [head = [], tail = []] = text.split('::').map(part => part.split(':').filter(Boolean));
  const groups = [...head, ...Array<string>(8 - head.length - tail.length).fill('0'), ...tail];
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

function writeIpv6(bits: bigint): string {
  return Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');
}
