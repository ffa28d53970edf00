/**
 * Calls `probe` until it gives something other than undefined and false; what it throws counts as "not yet".
 * @throws Error that names what was waited for, and what the last attempt said
 */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  seconds = 30,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let last = '';
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error instanceof Error ? error.message : String(error);
    }
    if (Date.now() > end) throw new Error(`waited ${seconds} s in vain for ${what}${last && `: ${last}`}`);
    await new Promise(done => setTimeout(done, 100));
  }
}
