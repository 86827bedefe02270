/** One cell of the engine benchmark: a workload at one batch size and thread count, all competitors in turn. */
import { Competitor, type CompetitorOptions } from './competitor.ts';
import type { Measured } from './messages.ts';
import { withTaskFolder } from './task-folder.ts';
import { ratioOf, type Timing, timingOf } from './timings.ts';
import type { Workload } from './workload.ts';

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
  readonly stepSeconds: Timing;
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

interface Running {
  readonly competitor: Competitor;
  readonly engine: string;
  readonly losses: readonly number[];
  readonly rounds: Measured[];
}

export async function measureTask(options: TaskOptions): Promise<TaskResult> {
  const { workload, batch, threads, steps } = options;
  const running = await withTaskFolder(options, (folder) => run(folder, options));
  const secondsOf = ({ rounds }: Running) => rounds.map(({ seconds }) => seconds);
  const competitors = running.map((one): CompetitorResult => {
    const { competitor, engine, losses, rounds } = one;
    const stepSeconds = timingOf(secondsOf(one).flat());
    const kernels = rounds.at(-1)?.kernels;
    return {
      name: competitor.name,
      engine,
      stepSeconds,
      gflops: workload.flops(batch) / stepSeconds.median / 1e9,
      peakBytes: Math.max(...rounds.map(({ peakBytes }) => peakBytes)),
      ratio: ratioOf(secondsOf(one), secondsOf(running[0]!)),
      losses,
      ...(kernels ? { kernels } : {}),
    };
  });
  const { name, description } = workload;
  return { workload: name, description, batch, threads, steps, competitors };
}

async function run(folder: string, { rounds, steps, competitors }: TaskOptions): Promise<Running[]> {
  const running: Running[] = [];
  try {
    for (const options of competitors(folder)) {
      const started = await Competitor.start(options);
      const { losses } = await started.competitor.measure({ steps: WARM_UP_STEPS });
      running.push({ ...started, losses, rounds: [] });
    }
    assertSameLosses(running.map(({ competitor, losses }) => ({ name: competitor.name, losses })));
    for (let round = 0; round < rounds; round++)
      for (const one of running) one.rounds.push(await one.competitor.measure({ steps }));
    return running;
  } finally {
    for (const { competitor } of running) competitor.stop();
  }
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
