import { BlockList, isIP, SocketAddress } from 'node:net';

/**
 * The IANA IPv4 and IPv6 Special-Purpose Address Registries and the multicast blocks: subnet, what it is, where that is written.
 * Blocks inside others stand before them, so that the words are the most exact ones.
 */
export const specialBlocks: readonly (readonly [subnet: string, is: string, source: string])[] = [
  ['0.0.0.0/32', 'unspecified', 'RFC 1122'],
  ['0.0.0.0/8', '"this network"', 'RFC 791'],
  ['10.0.0.0/8', 'private', 'RFC 1918'],
  ['100.64.0.0/10', 'shared by a carrier (CGNAT)', 'RFC 6598'],
  ['127.0.0.0/8', 'loopback', 'RFC 1122'],
  ['169.254.0.0/16', 'link local', 'RFC 3927'],
  ['172.16.0.0/12', 'private', 'RFC 1918'],
  ['192.0.0.0/29', 'for IPv4 service continuity', 'RFC 7335'],
  ['192.0.0.8/32', 'the IPv4 dummy address', 'RFC 7600'],
  ['192.0.0.9/32', 'port control anycast', 'RFC 7723'],
  ['192.0.0.10/32', 'TURN anycast', 'RFC 8155'],
  ['192.0.0.170/31', 'for NAT64 discovery', 'RFC 8880'],
  ['192.0.0.0/24', 'for IETF protocols', 'RFC 6890'],
  ['192.0.2.0/24', 'documentation', 'RFC 5737'],
  ['192.31.196.0/24', 'AS112', 'RFC 7535'],
  ['192.52.193.0/24', 'automatic multicast tunneling', 'RFC 7450'],
  ['192.88.99.0/24', '6to4 relay anycast', 'RFC 7526'],
  ['192.168.0.0/16', 'private', 'RFC 1918'],
  ['192.175.48.0/24', 'AS112', 'RFC 7534'],
  ['198.18.0.0/15', 'benchmarking', 'RFC 2544'],
  ['198.51.100.0/24', 'documentation', 'RFC 5737'],
  ['203.0.113.0/24', 'documentation', 'RFC 5737'],
  ['224.0.0.0/4', 'multicast', 'RFC 5771'],
  ['255.255.255.255/32', 'broadcast', 'RFC 919'],
  ['240.0.0.0/4', 'reserved', 'RFC 1112'],
  ['::/128', 'unspecified', 'RFC 4291'],
  ['::1/128', 'loopback', 'RFC 4291'],
  ['::/96', 'IPv4-compatible', 'RFC 4291'],
  ['::ffff:0:0/96', 'IPv4-mapped', 'RFC 4291'],
  ['64:ff9b::/96', 'NAT64', 'RFC 6052'],
  ['64:ff9b:1::/48', 'NAT64', 'RFC 8215'],
  ['100::/64', 'discard-only', 'RFC 6666'],
  ['100:0:0:1::/64', 'a dummy prefix', 'RFC 9780'],
  ['2001::/32', 'Teredo', 'RFC 4380'],
  ['2001:1::1/128', 'port control anycast', 'RFC 7723'],
  ['2001:1::2/128', 'TURN anycast', 'RFC 8155'],
  ['2001:1::3/128', 'service registration anycast', 'RFC 9665'],
  ['2001:2::/48', 'benchmarking', 'RFC 5180'],
  ['2001:3::/32', 'automatic multicast tunneling', 'RFC 7450'],
  ['2001:4:112::/48', 'AS112', 'RFC 7535'],
  ['2001:10::/28', 'ORCHID', 'RFC 4843'],
  ['2001:20::/28', 'ORCHIDv2', 'RFC 7343'],
  ['2001:30::/28', 'drone remote identification', 'RFC 9374'],
  ['2001::/23', 'for IETF protocols', 'RFC 2928'],
  ['2001:db8::/32', 'documentation', 'RFC 3849'],
  ['2002::/16', '6to4', 'RFC 3056'],
  ['2620:4f:8000::/48', 'AS112', 'RFC 7534'],
  ['3fff::/20', 'documentation', 'RFC 9637'],
  ['5f00::/16', 'segment routing', 'RFC 9602'],
  ['fc00::/7', 'unique local', 'RFC 4193'],
  ['fe80::/10', 'link local', 'RFC 4291'],
  ['fec0::/10', 'site local', 'RFC 3879'],
  ['ff00::/8', 'multicast', 'RFC 4291'],
];

type Family = 'ipv4' | 'ipv6';

interface Block {
  family: Family;
  list: BlockList;
  words: string;
}

const blocks = specialBlocks.map(([subnet, is, source]) => block(subnet, `${is} (${source})`));
const globalUnicast = block('2000::/3', '');

/** Why validation does not go to this address, such as `loopback (RFC 1122)`; undefined for global unicast. */
export function refusal(address: string): string | undefined {
  const text = withoutZone(address);
  const family = familyOf(text);
  if (!family) return 'not an IP address';
  const special = blocks.find(b => contains(b, text, family));
  if (special) return special.words;
  return family === 'ipv4' || contains(globalUnicast, text, family) ? undefined : 'not global unicast (RFC 4291)';
}

/** One spelling for each address, to compare by. */
export function canonical(address: string): string {
  const text = withoutZone(address);
  const family = familyOf(text);
  return family ? new SocketAddress({ address: text, family }).address : address;
}

/** What one holder has for itself, to count by: an IPv4 address, or the first 64 bits of an IPv6 address (RFC 7421). */
export function networkOf(address: string): string {
  const text = canonical(address).replace(/^::ffff:(?=\d+\.)/, '');
  if (!text.includes(':')) return text;
  const [front = [], back = []] = text.split('::').map(half => half.split(':').filter(Boolean));
  const zeros = Array<string>(Math.max(0, 8 - front.length - back.length)).fill('0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}

const withoutZone = (address: string) => address.replace(/%.*$/s, '');

function familyOf(address: string): Family | undefined {
  const version = isIP(address);
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined;
}

function block(subnet: string, words: string): Block {
  const [start = '', bits] = subnet.split('/');
  const family = start.includes(':') ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(start, Number(bits), family);
  return { family, list, words };
}

/** A BlockList takes an IPv4 address and its IPv4-mapped form for one: the family is compared here. */
function contains(b: Block, address: string, family: Family): boolean {
  return b.family === family && b.list.check(address, family);
}
