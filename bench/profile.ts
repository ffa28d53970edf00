import { fileURLToPath } from 'node:url';

/** The parts of V8's .cpuprofile that are read here. */
interface Profile {
  nodes: { id: number; callFrame: CallFrame; children?: number[] }[];
  /** Microseconds of the monotonic clock. */
  startTime: number;
  samples: number[];
  timeDeltas: number[];
}

interface CallFrame {
  functionName: string;
  url: string;
  lineNumber: number;
}

const idle = '(idle)';

/** Where the main thread's time went between two moments, milliseconds for each certificate. Waiting on the disk counts, as it blocks. */
export function describeProfile(text: string, window: { from: number; to: number }, certificates: number, most = 40): string {
  const profile = JSON.parse(text) as Profile;
  const self = selfTimes(profile, window);
  const bySelf = new Map<string, number>();
  const byPackage = new Map<string, number>();
  const byTotal = new Map<string, number>();
  let total = 0;
  const parents = parentsOf(profile);
  for (const { id, callFrame } of profile.nodes) {
    const time = self.get(id) ?? 0;
    if (time === 0 || callFrame.functionName === idle) continue;
    total += time;
    add(bySelf, nameOf(callFrame), time);
    add(byPackage, packageOf(callFrame), time);
    for (const name of new Set(stackOf(id, parents).filter(isOurs).map(nameOf))) add(byTotal, name, time);
  }
  const ms = (time: number) => (time / 1000 / Math.max(certificates, 1)).toFixed(3).padStart(8);
  const table = (title: string, times: Map<string, number>) =>
    [title, ...top(times, most).map(([name, time]) => `${ms(time)} ms ${((100 * time) / total).toFixed(1).padStart(5)} %  ${name}`)].join(
      '\n',
    );
  return [
    `main thread, busy or blocked: ${ms(total).trim()} ms for each certificate`,
    table('by function, self', bySelf),
    table('by package, self', byPackage),
    table('our own functions with what they call synchronously', byTotal),
  ].join('\n\n');
}

function selfTimes({ samples, timeDeltas, startTime }: Profile, { from, to }: { from: number; to: number }): Map<number, number> {
  const times = new Map<number, number>();
  let now = startTime;
  for (const [i, id] of samples.entries()) {
    now += timeDeltas[i] ?? 0;
    // A delta leads to its sample: the time until the next one is this sample's.
    if (now >= from && now < to) add(times, id, timeDeltas[i + 1] ?? 0);
  }
  return times;
}

function parentsOf({ nodes }: Profile): Map<number, { frame: CallFrame; parent: number | undefined }> {
  const parents = new Map(nodes.map(n => [n.id, { frame: n.callFrame, parent: undefined as number | undefined }]));
  for (const { id, children } of nodes)
    for (const child of children ?? []) {
      const entry = parents.get(child);
      if (entry) entry.parent = id;
    }
  return parents;
}

function stackOf(id: number, parents: ReturnType<typeof parentsOf>): CallFrame[] {
  const stack: CallFrame[] = [];
  for (let at = parents.get(id); at; at = at.parent === undefined ? undefined : parents.get(at.parent)) stack.push(at.frame);
  return stack;
}

const isOurs = ({ url, functionName }: CallFrame) => url.includes('/dist/src/') && functionName !== '';

function nameOf({ functionName, url, lineNumber }: CallFrame): string {
  return `${functionName || '(anonymous)'}${url ? `  ${place(url)}:${lineNumber + 1}` : ''}`;
}

function place(url: string): string {
  const path = url.startsWith('file:') ? fileURLToPath(url) : url;
  return path.replace(/^.*\/(dist|node_modules)\//, '');
}

/** An npm package, a folder of ours, or a module of Node's. */
function packageOf({ functionName, url }: CallFrame): string {
  if (!url) return functionName.startsWith('(') ? functionName : 'native';
  const [, npm] = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(url) ?? [];
  return npm ?? (url.includes('/dist/') ? place(url).split('/').slice(0, 3).join('/') : url);
}

function add<K>(times: Map<K, number>, key: K, time: number): void {
  times.set(key, (times.get(key) ?? 0) + time);
}

function top(times: Map<string, number>, most: number): [string, number][] {
  return [...times].sort(([, a], [, b]) => b - a).slice(0, most);
}
