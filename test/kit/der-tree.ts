import { tlv } from '../../src/pki/der.ts';

/** DER as a tree, to be changed at one place and written again with right lengths around it. */
export type Node = { tag: number; members: Node[]; value?: undefined } | { tag: number; value: Uint8Array; members?: undefined };

/** OCTET STRINGs are opened too where they hold DER, as an extension's value does. */
export function parseTree(bytes: Uint8Array): Node[] {
  const nodes: Node[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] ?? 0;
    let length = bytes[at + 1] ?? 0;
    let start = at + 2;
    if (length & 0x80) {
      const octets = length & 0x7f;
      length = Buffer.from(bytes).readUIntBE(start, octets);
      start += octets;
    }
    const value = bytes.subarray(start, start + length);
    const members = tag & 0x20 ? parseTree(value) : tag === 4 && holdsDer(value) ? opened(value) : undefined;
    nodes.push(members ? { tag, members } : { tag, value });
    at = start + length;
  }
  return nodes;
}

/** Random bytes, such as a key identifier's, may look like DER at their beginning. */
function opened(value: Uint8Array): Node[] | undefined {
  try {
    const nodes = parseTree(value);
    return Buffer.from(writeTree(nodes)).equals(value) ? nodes : undefined;
  } catch {
    return undefined;
  }
}

/** One element of short or two-octet length that fills the bytes. */
function holdsDer(value: Uint8Array): boolean {
  const [, first = 0, second = 0, third = 0] = value;
  if (first < 128) return value.length === 2 + first;
  if (first === 0x81) return value.length === 3 + second;
  return first === 0x82 && value.length === 4 + second * 256 + third;
}

export function writeTree(nodes: readonly Node[]): Uint8Array {
  return Buffer.concat(nodes.map(node => tlv(node.tag, node.members ? writeTree(node.members) : node.value)));
}

/** Every tree that differs in one place: what `change` makes of the list of members there. `path` says where. */
export function* variants(
  nodes: readonly Node[],
  change: (members: readonly Node[]) => Iterable<readonly [what: string, members: readonly Node[]]>,
  path = '',
): Generator<[path: string, tree: readonly Node[]]> {
  for (const [what, members] of change(nodes)) yield [`${path} ${what}`, members];
  for (const [i, node] of nodes.entries()) {
    if (!node.members) continue;
    for (const [where, members] of variants(node.members, change, `${path}/${i}:${node.tag.toString(16)}`))
      yield [where, nodes.map((n, j) => (j === i ? { tag: node.tag, members: [...members] } : n))];
  }
}
