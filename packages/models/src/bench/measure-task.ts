/** One cell of the engine benchmark: a workload at one batch size and thread count, all competitors in turn. */
import type { CompetitorOptions } from './competitor.ts';
import { type GenerationResult, measureGeneration } from './measure-generation.ts';
import type { Trained } from './messages.ts';
import { assertSameLosses } from './same-results.ts';
import { withTaskFolder } from './task-folder.ts';
import { ratioOf, type Timing, timingOf } from './timings.ts';
import { type Turns, takeTurns } from './turns.ts';
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
  /** Of the time, against the first competitor: see `ratioOf`. */
  readonly ratio: number;
  readonly losses: readonly number[];
  readonly kernels?: Trained['kernels'];
}

export interface TaskResult {
  readonly workload: string;
  readonly description: string;
  readonly batch: number;
  readonly threads: number;
  readonly steps: number;
  readonly competitors: readonly CompetitorResult[];
  /** Empty where the workload generates no text. */
  readonly generation: readonly GenerationResult[];
}

const WARM_UP_STEPS = 3;

export async function measureTask(options: TaskOptions): Promise<TaskResult> {
  const { workload, batch, threads, steps, rounds } = options;
  const { name, description } = workload;
  return await withTaskFolder(options, async (folder) => {
    const competitors = options.competitors(folder);
    const trained = await takeTurns<Trained>({
      competitors,
      rounds,
      warmUp: (competitor) => competitor.train(WARM_UP_STEPS),
      compare: (all) => assertSameLosses(all.map((one) => ({ name: one.name, losses: one.warmUp.losses }))),
      round: (competitor) => competitor.train(steps),
    });
    return {
      ...{ workload: name, description, batch, threads, steps },
      competitors: trained.map((one) => resultOf(one, trained[0]!, workload.flops(batch))),
      generation: workload.textGeneration ? await measureGeneration(competitors, rounds) : [],
    };
  });
}

function resultOf(one: Turns<Trained>, first: Turns<Trained>, flops: number): CompetitorResult {
  const { name, engine, warmUp, rounds } = one;
  const secondsOf = (turns: Turns<Trained>) => turns.rounds.map(({ seconds }) => seconds);
  const stepSeconds = timingOf(secondsOf(one).flat());
  const kernels = rounds.at(-1)?.kernels;
  return {
    name,
    engine,
    stepSeconds,
    gflops: flops / stepSeconds.median / 1e9,
    peakBytes: Math.max(...rounds.map(({ peakBytes }) => peakBytes)),
    ratio: ratioOf(secondsOf(one), secondsOf(first)),
    losses: warmUp.losses,
    ...(kernels ? { kernels } : {}),
  };
}
