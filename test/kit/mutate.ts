import fc from 'fast-check';

/** Untrusted bytes for property tests: valid ones with a few octets changed, cut, doubled or put in, and pure noise. */
export function mutated(valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const change = fc.record({
    at: fc.nat(),
    kind: fc.constantFrom('set', 'flip', 'cut', 'insert', 'delete', 'double') as fc.Arbitrary<Kind>,
    octet: fc.integer({ min: 0, max: 255 }),
    bytes: fc.uint8Array({ maxLength: 8 }),
  });
  const altered = fc
    .tuple(fc.constantFrom(...valid), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([bytes, changes]) => changes.reduce(apply, Buffer.from(bytes)));
  return fc.oneof(
    { weight: 9, arbitrary: altered.map(b => new Uint8Array(b)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }) },
  );
}

type Kind = 'set' | 'flip' | 'cut' | 'insert' | 'delete' | 'double';

function apply(bytes: Buffer, change: { at: number; kind: Kind; octet: number; bytes: Uint8Array }): Buffer {
  const at = bytes.length ? change.at % bytes.length : 0;
  const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (change.kind) {
    case 'set':
      return Buffer.concat([head, Buffer.of(change.octet), tail.subarray(1)]);
    case 'flip':
      return Buffer.concat([head, Buffer.of((bytes[at] ?? 0) ^ (1 << (change.octet & 7))), tail.subarray(1)]);
    case 'cut':
      return head;
    case 'insert':
      return Buffer.concat([head, change.bytes, tail]);
    case 'delete':
      return Buffer.concat([head, tail.subarray(1 + (change.octet & 7))]);
    case 'double':
      return Buffer.concat([head, tail, tail.subarray(0, 32)]);
  }
}

/** The value, or the error if it is of this class; any other error goes on. */
export function only<T>(kind: new (...args: never[]) => Error, work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    if (error instanceof kind) return error;
    throw error;
  }
}
