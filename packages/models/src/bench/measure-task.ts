/** One cell of the engine benchmark: a workload at one batch size and thread count, all competitors in turn. */
import { Competitor, type CompetitorOptions } from './competitor.ts';
import type { Generated, Trained } from './messages.ts';
import { assertSameLosses, type FirstDifference, firstDifference } from './same-results.ts';
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
  /** Of the time, against the first competitor: see `ratioOf`. */
  readonly ratio: number;
  readonly losses: readonly number[];
  readonly kernels?: Trained['kernels'];
  /** Empty where the workload generates no text. */
  readonly generation: readonly GenerationResult[];
}

export interface GenerationResult {
  /** Continued together. */
  readonly prompts: number;
  readonly newTokens: number;
  /** Of all prompts: the picture tower, reading the prompts, and every new token. */
  readonly seconds: Timing;
  readonly tokensPerSecond: number;
  readonly ratio: number;
  /** From the tokens of the first competitor. */
  readonly difference?: FirstDifference;
}

export interface TaskResult {
  readonly workload: string;
  readonly description: string;
  readonly batch: number;
  readonly threads: number;
  readonly steps: number;
  readonly competitors: readonly CompetitorResult[];
}

const WARM_UP_STEPS = 3;
/** Prompts that are continued together, and how far. */
const PROMPTS = [1, 8];
const NEW_TOKENS = 32;
/** A call is short. */
const TIMES = 3;

interface Running {
  readonly competitor: Competitor;
  readonly engine: string;
  readonly losses: readonly number[];
  /** What was generated before the first step, for each of PROMPTS. */
  readonly texts: readonly Generated[];
  readonly rounds: Round[];
}

interface Round {
  readonly trained: Trained;
  /** For each of PROMPTS. */
  readonly generated: readonly Generated[];
}

export async function measureTask(options: TaskOptions): Promise<TaskResult> {
  const { workload, batch, threads, steps } = options;
  const running = await withTaskFolder(options, (folder) => run(folder, options));
  const first = running[0]!;
  const secondsOf = ({ rounds }: Running) => rounds.map(({ trained }) => trained.seconds);
  const competitors = running.map((one): CompetitorResult => {
    const { competitor, engine, losses, rounds, texts } = one;
    const stepSeconds = timingOf(secondsOf(one).flat());
    const kernels = rounds.at(-1)?.trained.kernels;
    return {
      name: competitor.name,
      engine,
      stepSeconds,
      gflops: workload.flops(batch) / stepSeconds.median / 1e9,
      peakBytes: Math.max(...rounds.map(({ trained }) => trained.peakBytes)),
      ratio: ratioOf(secondsOf(one), secondsOf(first)),
      losses,
      ...(kernels ? { kernels } : {}),
      generation: texts.map((_, i) => generationResult(i, one, first)),
    };
  });
  const { name, description } = workload;
  return { workload: name, description, batch, threads, steps, competitors };
}

async function run(folder: string, options: TaskOptions): Promise<Running[]> {
  const { workload, rounds, steps, competitors } = options;
  const running: Running[] = [];
  const generated = async (competitor: Competitor): Promise<Generated[]> => {
    const results: Generated[] = [];
    if (workload.textGeneration)
      for (const prompts of PROMPTS)
        results.push(await competitor.generate({ prompts, newTokens: NEW_TOKENS, times: TIMES }));
    return results;
  };
  try {
    for (const one of competitors(folder)) {
      const started = await Competitor.start(one);
      running.push({ ...started, texts: [], losses: [], rounds: [] });
      const texts = await generated(started.competitor);
      const { losses } = await started.competitor.train(WARM_UP_STEPS);
      running[running.length - 1] = { ...started, texts, losses, rounds: [] };
    }
    assertSameLosses(running.map(({ competitor, losses }) => ({ name: competitor.name, losses })));
    for (let round = 0; round < rounds; round++)
      for (const { competitor, rounds: measured } of running)
        measured.push({ trained: await competitor.train(steps), generated: await generated(competitor) });
    return running;
  } finally {
    for (const { competitor } of running) competitor.stop();
  }
}

function generationResult(i: number, one: Running, first: Running): GenerationResult {
  const prompts = PROMPTS[i]!;
  const secondsOf = ({ rounds }: Running) => rounds.map(({ generated }) => generated[i]!.seconds);
  const seconds = timingOf(secondsOf(one).flat());
  const difference = firstDifference(one.texts[i]!.tokens, first.texts[i]!.tokens);
  return {
    prompts,
    newTokens: NEW_TOKENS,
    seconds,
    tokensPerSecond: (prompts * NEW_TOKENS) / seconds.median,
    ratio: ratioOf(secondsOf(one), secondsOf(first)),
    ...(difference && { difference }),
  };
}
