import { readdirSync, readFileSync } from 'node:fs';

interface Entry {
  parent: number;
  ticks: number;
}

/** USER_HZ: 100 on every Linux that Node runs on. */
const msPerTick = 10;

/**
 * CPU milliseconds, user and system, that a process has used with all its threads, and every process that descends from it, those that
 * have ended included (proc(5): utime, stime, cutime, cstime).
 */
export function cpuOf(root: number): number {
  const table = new Map<number, Entry>();
  for (const name of readdirSync('/proc')) {
    const entry = /^\d+$/.test(name) && readEntry(name);
    if (entry) table.set(Number(name), entry);
  }
  let ticks = 0;
  for (const [pid, entry] of table) if (descends(table, pid, root)) ticks += entry.ticks;
  return ticks * msPerTick;
}

/** The parent of a process. @throws where there is no such process */
export function parentOf(pid: number): number {
  const entry = readEntry(String(pid));
  if (!entry) throw new Error(`there is no process ${pid}`);
  return entry.parent;
}

function readEntry(pid: string): Entry | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is a name in parentheses, which may hold anything; the third is the state.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const at = (field: number) => Number(fields[field - 3]);
    return { parent: at(4), ticks: at(14) + at(15) + at(16) + at(17) };
  } catch {
    return undefined;
  }
}

function descends(table: ReadonlyMap<number, Entry>, pid: number, root: number): boolean {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = table.get(at)?.parent) if (at === root) return true;
  return false;
}
