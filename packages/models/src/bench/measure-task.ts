/** One cell of the engine benchmark: a workload at one batch size and thread count, all competitors in turn. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Competitor, type CompetitorOptions } from './competitor.ts';
import type { Measured, TaskFile } from './messages.ts';
import { OPTIMIZER, type Workload } from './workload.ts';

export interface TaskOptions {
  readonly workload: Workload;
  readonly batch: number;
  readonly threads: number;
  readonly rounds: number;
  readonly steps: number;
  readonly competitors: (folder: string) => readonly CompetitorOptions[];
}

export interface CompetitorResult {
  readonly name: string;
  readonly engine: string;
  readonly stepSeconds: { readonly median: number; readonly p90: number };
  readonly gflops: number;
  readonly peakBytes: number;
  /** Against the first competitor: the median over the rounds of the ratio of the round's medians. */
  readonly ratio: number;
  readonly losses: readonly number[];
  readonly kernels?: Measured['kernels'];
}

export interface TaskResult {
  readonly workload: string;
  readonly description: string;
  readonly batch: number;
  readonly threads: number;
  readonly steps: number;
  readonly competitors: readonly CompetitorResult[];
}

/** Losses of the first steps agree this well: float32 sums in another order, amplified by three steps of AdamW. */
const LOSS_TOLERANCE = 2e-4;
/**
 * bfloat16 keeps 8 bits, and the first steps of AdamW follow the sign of a gradient, however small: 5e-3 was seen at a
 * batch of 16. A wrong product is off by more than that at once.
 */
const LOSS_TOLERANCE_BF16 = 2e-2;
const WARM_UP_STEPS = 3;

export async function measureTask(options: TaskOptions): Promise<TaskResult> {
  const { workload, batch, threads, rounds, steps } = options;
  const folder = await mkdtemp(join(tmpdir(), 'triptych-bench-'));
  const running: { competitor: Competitor; engine: string; losses: readonly number[]; rounds: Measured[] }[] =
    [];
  try {
    await writeTask(folder, workload, batch);
    for (const competitor of options.competitors(folder)) {
      const started = await Competitor.start(competitor);
      const { losses } = await started.competitor.measure({ steps: WARM_UP_STEPS });
      running.push({ ...started, losses, rounds: [] });
    }
    assertSameLosses(running.map(({ competitor, losses }) => ({ name: competitor.name, losses })));
    for (let round = 0; round < rounds; round++)
      for (const one of running) one.rounds.push(await one.competitor.measure({ steps }));
  } finally {
    for (const { competitor } of running) competitor.stop();
    await rm(folder, { recursive: true, force: true });
  }
  const medians = running.map((one) => one.rounds.map(({ seconds }) => quantile(seconds, 0.5)));
  const competitors = running.map(({ competitor, engine, losses, rounds: measured }, i): CompetitorResult => {
    const seconds = measured.flatMap((round) => round.seconds);
    const median = quantile(seconds, 0.5);
    const kernels = measured.at(-1)?.kernels;
    return {
      name: competitor.name,
      engine,
      stepSeconds: { median, p90: quantile(seconds, 0.9) },
      gflops: workload.flops(batch) / median / 1e9,
      peakBytes: Math.max(...measured.map(({ peakBytes }) => peakBytes)),
      ratio: quantile(
        medians[i]!.map((value, round) => value / medians[0]![round]!),
        0.5,
      ),
      losses,
      ...(kernels ? { kernels } : {}),
    };
  });
  const { name, description } = workload;
  return { workload: name, description, batch, threads, steps, competitors };
}

async function writeTask(folder: string, workload: Workload, batch: number): Promise<void> {
  const inputs = workload.inputs(batch);
  const task: TaskFile = {
    workload: workload.name,
    batch,
    config: workload.config,
    optimizer: OPTIMIZER,
    parameters: workload.layout.specs.map(({ key, shape, offset, length, decay }) => ({
      key,
      shape,
      offset,
      length,
      decay,
    })),
    inputs: inputs.map(({ name, shape, values }) => ({
      name,
      shape,
      dtype: values instanceof Float32Array ? 'float32' : 'int32',
    })),
  };
  await writeFile(join(folder, 'task.json'), JSON.stringify(task));
  await writeFile(join(folder, 'weights.bin'), workload.initialWeights());
  for (const { name, values } of inputs) await writeFile(join(folder, `${name}.bin`), values);
}

function assertSameLosses(all: readonly { name: string; losses: readonly number[] }[]): void {
  const [first, ...others] = all;
  for (const { name, losses } of others)
    losses.forEach((loss, step) => {
      const expected = first!.losses[step]!;
      const tolerance = name.endsWith('bf16') ? LOSS_TOLERANCE_BF16 : LOSS_TOLERANCE;
      if (!(Math.abs(loss - expected) <= tolerance * Math.abs(expected)))
        throw new Error(`step ${step}: the loss of ${name} is ${loss}, that of ${first!.name} ${expected}`);
    });
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]!;
}
