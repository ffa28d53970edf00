import { setMaxListeners } from 'node:events';

/**
 * Runs `work` with a signal that aborts after `ms` or with the caller's own signal. The reason is words for a Problem's detail.
 * Not AbortSignal.any with AbortSignal.timeout: in Node 20 such a signal may be collected before it fires, and its timer outlives the work.
 */
export async function within<T>(ms: number, outer: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  // Any number of lookups may wait on one deadline.
  setMaxListeners(0, controller.signal);
  const cancel = () => controller.abort(typeof outer?.reason === 'string' ? outer.reason : 'the check was cancelled');
  const timer = setTimeout(() => controller.abort(`no end within ${ms / 1000} seconds`), ms);
  outer?.addEventListener('abort', cancel);
  if (outer?.aborted) cancel();
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', cancel);
  }
}

/** Why the signal stopped the work, in words. */
export function stopped(signal: AbortSignal): string | undefined {
  return signal.aborted ? String(signal.reason) : undefined;
}

/** Calls `stop` once when the signal aborts, or at once; the result takes that back. */
export function onAbort(signal: AbortSignal, stop: () => void): () => void {
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  return () => signal.removeEventListener('abort', stop);
}
