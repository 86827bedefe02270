/**
 * How much faster two workers are than one, measured on the whole product: real processes, real runs, submitted over REST.
 * `npm run bench:scaling -- [--json FILE] [--steps K] [--rounds R] [--backend NAME]`. The rounds alternate between the fleets, so
 * that a machine that slows down in between slows both. Weights are compared before any figure is believed.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
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
    steps: { type: 'string', default: '12' },
    rounds: { type: 'string', default: '3' },
    backend: { type: 'string', default: 'auto' },
    model: { type: 'string', default: 'clip-small' },
  },
});
const steps = Number(values.steps);
const fleets = [1, 2];

interface Measurement {
  readonly workers: number;
  readonly samplesPerSecond: number;
  readonly stepSeconds: { readonly median: number; readonly p90: number };
  readonly allReduceShare: number;
  readonly firstStepSeconds: number;
  readonly sha256: string;
}

const home = await mkdtemp(join(tmpdir(), 'triptych-bench-'));
const scenes = join(home, 'scenes');
await writeScenes({ path: scenes, images: 600, seed: 1 });
const stack = await startStack({ home: join(home, 'state'), workers: 2, backend: values.backend });
try {
  const client = new TriptychClient({ url: stack.url });
  await client.datasets.register({ name: 'scenes', path: scenes });
  const backends = new Set<string>();
  for await (const worker of client.workers())
    backends.add(`${worker.backend}, ${worker.device}, ${worker.threads} thread`);

  // Not counted: fills the workers' caches and lets the kernels be compiled.
  for (const workers of [...fleets].reverse()) await measure(client, workers);
  const measurements: Measurement[] = [];
  for (let round = 0; round < Number(values.rounds); round++)
    for (const workers of fleets) measurements.push(await measure(client, workers));

  const hashes = new Set(measurements.map(({ sha256 }) => sha256));
  if (hashes.size !== 1) throw new Error(`The weights differ: ${[...hashes].join(', ')}`);

  const byFleet = fleets.map((workers) => summary(measurements.filter((one) => one.workers === workers)));
  const [one, two] = byFleet as [Measurement, Measurement];
  const ratios = pairs(measurements);
  const result = {
    model: values.model,
    backend: [...backends].join('; '),
    cpus: cpus().length,
    steps,
    rounds: Number(values.rounds),
    fleets: byFleet,
    speedup: median(ratios),
    speedups: ratios,
    weights: one.sha256,
  };
  print(
    `${result.model} on ${result.backend}; ${result.cpus} cores; ${steps} steps, ${values.rounds} rounds, medians`,
  );
  for (const fleet of byFleet) {
    print(
      `${fleet.workers} worker${fleet.workers > 1 ? 's' : ' '}  ${fleet.samplesPerSecond.toFixed(1).padStart(8)} samples/s   step median ${ms(fleet.stepSeconds.median)} p90 ${ms(fleet.stepSeconds.p90)}   all-reduce ${(fleet.allReduceShare * 100).toFixed(1)} % of the step   first step ${fleet.firstStepSeconds.toFixed(2)} s after POST`,
    );
  }
  print(
    `speedup of 2 workers: ${result.speedup.toFixed(2)} (rounds: ${ratios.map((r) => r.toFixed(2)).join(', ')})`,
  );
  print(`same weights: sha256 ${two.sha256}`);
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await stack.stop();
  await rm(home, { recursive: true, force: true });
}

async function measure(client: TriptychClient, workers: number): Promise<Measurement> {
  const { id } = await client.runs.create({
    model: values.model,
    dataset: 'scenes',
    seed: 3,
    duration: { steps },
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

/** Two workers over one worker, round by round. */
function pairs(all: readonly Measurement[]): number[] {
  const of = (workers: number) =>
    all.filter((one) => one.workers === workers).map((one) => one.samplesPerSecond);
  const single = of(1);
  return of(2).map((rate, round) => rate / single[round]!);
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
