/**
 * What is opened once before all tests of a suite, or anew before each, and closed after. One object throughout, and empty until then: whatever a suite
 * does with it belongs into hooks and tests.
 */
export function opened<T extends { close(): Promise<void> }>(open: () => Promise<T>, when: 'once' | 'each' = 'once'): T {
  const held = {} as T;
  const [begin, end] = when === 'once' ? [before, after] : [beforeEach, afterEach];
  begin(async () => {
    Object.assign(held, await open());
  });
  end(() => held.close());
  return held;
}
