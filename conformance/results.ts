/** How one case ended. */
export interface Result {
  name: string;
  ok: boolean;
  seconds: number;
  /** What went wrong, with the ends of the logs. */
  reason?: string;
}

export function printResult(result: Result): void {
  process.stdout.write(`${result.ok ? 'ok' : 'not ok'} - ${result.name} (${result.seconds.toFixed(1)} s)\n`);
  if (result.reason !== undefined) process.stdout.write(`${result.reason.replace(/^/gm, '    ')}\n`);
}
