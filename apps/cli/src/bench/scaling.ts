/**
 * How much faster two workers are than one, measured on the whole product: real processes, real runs, submitted over REST.
 * `npm run bench:scaling -- [--json FILE] [--steps K] [--rounds R] [--backend NAME] [--global N] [--shards S]`.
 * Each round runs one worker, two workers, and then two runs of one worker side by side that share nothing: what the machine's
 * second core is worth without any communication, which is the most that two workers can reach. Alternating, so that a machine that
 * slows down slows all. Weights are compared before any figure is believed.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { TriptychClient } from '@triptych/client';
import { writeScenes } from '@triptych/datasets';
import type { Run, StepMetric } from '@triptych/protocol';
import { startStack } from '../local/index.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'string' },
    steps: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    backend: { type: 'string', default: 'auto' },
    model: { type: 'string', default: 'clip-small' },
    // Shards as large as in the quickstart's recipe twice over; a step long enough that one all-reduce is a small part of it.
    global: { type: 'string', default: '512' },
    shards: { type: 'string', default: '32' },
  },
});
const steps = Number(values.steps);

interface Measurement {
  readonly workers: number;
  readonly samplesPerSecond: number;
  readonly stepSeconds: { readonly median: number; readonly p90: number };
  readonly allReduceShare: number;
  readonly firstStepSeconds: number;
  readonly sha256: string;
}

interface Round {
  readonly one: Measurement;
  readonly two: Measurement;
  readonly apart: readonly Measurement[];
}

const home = await mkdtemp(join(tmpdir(), 'triptych-bench-'));
// As root, PostgreSQL runs as another user: where that one cannot read the home, its data would lie elsewhere and stay.
await chmod(home, 0o755);
const scenes = join(home, 'scenes');
await writeScenes({ path: scenes, images: 1200, seed: 1 });
const stack = await startStack({ home: join(home, 'state'), workers: 2, backend: values.backend });
try {
  const client = new TriptychClient({ url: stack.url, token: stack.token });
  await client.datasets.register({ name: 'scenes', path: scenes });
  await client.datasets.ready('scenes');
  const backends = new Set<string>();
  for await (const worker of client.workers())
    backends.add(`${worker.backend}, ${worker.device}, ${worker.threads} thread`);

  // Not counted: fills the workers' caches and lets the kernels be compiled.
  await Promise.all([measure(client, 1), measure(client, 1)]);
  const rounds: Round[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    const [one, two] = [await measure(client, 1), await measure(client, 2)];
    const apart = await Promise.all([measure(client, 1), measure(client, 1)]);
    rounds.push({ one, two, apart });
  }
  const firstSteps: number[] = [];
  for (let i = 0; i < 5; i++)
    firstSteps.push((await measure(client, 2, { steps: 3, recipe: true })).firstStepSeconds);

  const hashes = new Set(
    rounds.flatMap(({ one, two, apart }) => [one, two, ...apart].map(({ sha256 }) => sha256)),
  );
  if (hashes.size !== 1) throw new Error(`The weights differ: ${[...hashes].join(', ')}`);

  const speedups = rounds.map(({ one, two }) => two.samplesPerSecond / one.samplesPerSecond);
  const ceilings = rounds.map(
    ({ one, apart }) => apart.reduce((sum, run) => sum + run.samplesPerSecond, 0) / one.samplesPerSecond,
  );
  const result = {
    model: values.model,
    backend: [...backends].join('; '),
    cpus: cpus().length,
    batch: { global: Number(values.global), shards: Number(values.shards) },
    steps,
    rounds: rounds.length,
    fleets: [summary(rounds.map(({ one }) => one)), summary(rounds.map(({ two }) => two))],
    speedup: median(speedups),
    speedups,
    ceiling: median(ceilings),
    ceilings,
    efficiency: median(speedups.map((speedup, round) => speedup / ceilings[round]!)),
    firstStepSeconds: { median: median(firstSteps), slowest: Math.max(...firstSteps) },
    weights: [...hashes][0]!,
  };
  print(
    `${result.model} on ${result.backend}; ${result.cpus} cores; global batch ${values.global} in ${values.shards} shards; ${steps} steps, ${rounds.length} rounds, medians`,
  );
  for (const fleet of result.fleets) print(line(fleet));
  print(`speedup of 2 workers              ${each(result.speedup, speedups)}`);
  print(`2 runs side by side (the ceiling) ${each(result.ceiling, ceilings)}`);
  print(`efficiency against the ceiling    ${(result.efficiency * 100).toFixed(0)} %`);
  const { firstStepSeconds: first } = result;
  print(
    `from POST to the first committed step, recipe's batch, warm workers: median ${first.median.toFixed(2)} s, slowest ${first.slowest.toFixed(2)} s`,
  );
  print(`same weights in all runs: sha256 ${result.weights}`);
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await stack.stop();
  await rm(home, { recursive: true, force: true });
}

async function measure(
  client: TriptychClient,
  workers: number,
  options: { readonly steps?: number; readonly recipe?: boolean } = {},
): Promise<Measurement> {
  const { id } = await client.runs.create({
    model: values.model,
    dataset: 'scenes',
    seed: 3,
    duration: { steps: options.steps ?? steps },
    ...(options.recipe ? {} : { batch: { global: Number(values.global), shards: Number(values.shards) } }),
    checkpoint: { everySteps: 0 },
    evaluation: { tasks: [], baseline: false },
    workers: { min: workers, max: workers },
  });
  for await (const _ of client.runs.events(id));
  const run = await client.runs.get(id);
  if (run.status !== 'SUCCEEDED') throw new Error(`${id} is ${run.status}: ${run.message}`);
  const metrics: StepMetric[] = [];
  for await (const metric of client.runs.stepMetrics(id)) metrics.push(metric);
  return measurementOf(run, metrics.slice(2));
}

/** The first two steps are left out: they fill pools and caches. */
function measurementOf(run: Run, metrics: readonly StepMetric[]): Measurement {
  const seconds = metrics.map((metric) => run.spec.batch.global / metric.samplesPerSecond);
  const shares = metrics.map((metric, index) => metric.phaseSeconds.allReduce / seconds[index]!);
  return {
    workers: run.worldSize,
    samplesPerSecond: run.spec.batch.global / median(seconds),
    stepSeconds: { median: median(seconds), p90: quantile(seconds, 0.9) },
    allReduceShare: median(shares),
    firstStepSeconds: (Date.parse(run.firstStepAt!) - Date.parse(run.createdAt)) / 1000,
    sha256: run.weights!.sha256,
  };
}

function summary(all: readonly Measurement[]): Measurement {
  const of = (pick: (one: Measurement) => number) => median(all.map(pick));
  return {
    ...all[0]!,
    samplesPerSecond: of((one) => one.samplesPerSecond),
    stepSeconds: { median: of((one) => one.stepSeconds.median), p90: of((one) => one.stepSeconds.p90) },
    allReduceShare: of((one) => one.allReduceShare),
    firstStepSeconds: of((one) => one.firstStepSeconds),
  };
}

function line(fleet: Measurement): string {
  const name = `${fleet.workers} worker${fleet.workers > 1 ? 's' : ' '}`;
  const step = `step median ${ms(fleet.stepSeconds.median)} p90 ${ms(fleet.stepSeconds.p90)}`;
  const share = `all-reduce and waiting for peers ${(fleet.allReduceShare * 100).toFixed(1)} % of it`;
  return `${name}  ${fleet.samplesPerSecond.toFixed(1).padStart(7)} samples/s   ${step}   ${share}`;
}

function each(middle: number, all: readonly number[]): string {
  return `${middle.toFixed(2)} (rounds: ${all.map((value) => value.toFixed(2)).join(', ')})`;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}

function ms(seconds: number): string {
  return `${(seconds * 1000).toFixed(0)} ms`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
