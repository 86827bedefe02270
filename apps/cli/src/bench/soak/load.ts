/**
 * One hour of a busy service: all of its runs are submitted at once, each is followed by two event streams to its end, some are
 * cancelled or deleted, and others read lists, pages and metrics meanwhile. It checks that each run ends as its seed says.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { TriptychClient } from '@triptych/client';
import type { Run, RunSpec, RunStatus } from '@triptych/protocol';

export interface Load {
  readonly client: TriptychClient;
  readonly runs: number;
  /** Of the first run; each has its own. */
  readonly firstSeed: number;
  readonly steps: number;
  readonly checkpointEvery: number;
  /** A service has at most 500 streams open. */
  readonly followedAtOnce: number;
}

export interface LoadResult {
  readonly seconds: number;
  /** From the submission to the first step, of those that came so far; waiting for workers included. */
  readonly firstStepMs: readonly number[];
  readonly ended: Readonly<Partial<Record<RunStatus, number>>>;
  readonly events: number;
  readonly deleted: number;
  /** What was not as it should be, in words. */
  readonly surprises: readonly string[];
}

const SUBMITTERS = 16;

export async function bearLoad(load: Load): Promise<LoadResult> {
  const result = {
    firstStepMs: [] as number[],
    ended: {} as Partial<Record<RunStatus, number>>,
    events: 0,
    deleted: 0,
  };
  const surprises: string[] = [];
  const began = performance.now();
  const over = new AbortController();
  const readers = readMeanwhile(load.client, over.signal);
  const submitted: { run: Run; seed: number }[] = [];
  let toSubmit = 0;
  let allAreSubmitted = false;
  const submit = async () => {
    while (toSubmit < load.runs) {
      const seed = load.firstSeed + toSubmit++;
      const run = await load.client.runs.create(specOf(seed, load));
      if (isCancelled(seed) === 'at once') await load.client.runs.cancel(run.id);
      submitted.push({ run, seed });
    }
  };
  const follow = async () => {
    for (;;) {
      const next = submitted.shift();
      if (next) await seeThrough(next);
      else if (allAreSubmitted) return;
      else await delay(20);
    }
  };
  const seeThrough = async ({ run, seed }: { run: Run; seed: number }) => {
    try {
      const [first, second] = await Promise.all([
        followed(load.client, run.id, isCancelled(seed) === 'while it trains'),
        followed(load.client, run.id, false),
      ]);
      const last = await load.client.runs.get(run.id);
      result.events += first.states + second.states;
      result.ended[last.status] = (result.ended[last.status] ?? 0) + 1;
      if (first.last !== second.last)
        surprises.push(`${run.id}: two streams ended at ${first.last} and ${second.last}`);
      if (!expected(seed).includes(last.status))
        surprises.push(`${run.id} (seed ${seed}) is ${last.status}: ${last.message}`);
      if (last.firstStepAt)
        result.firstStepMs.push(Date.parse(last.firstStepAt) - Date.parse(last.createdAt));
      if (seed % 10 !== 4) return;
      await load.client.runs.delete(run.id);
      result.deleted += 1;
    } catch (error) {
      surprises.push(`${run.id}: ${(error as Error).message}`);
    }
  };
  const submitters = Promise.all(Array.from({ length: SUBMITTERS }, submit)).finally(() => {
    allAreSubmitted = true;
  });
  const followers = Array.from({ length: Math.min(load.runs, load.followedAtOnce) }, follow);
  await Promise.all([submitters, ...followers]);
  const seconds = (performance.now() - began) / 1000;
  over.abort();
  surprises.push(...(await readers));
  return { seconds, ...result, surprises };
}

/** Milliseconds from the submission to the first step of a run that nothing keeps waiting. */
export async function firstStepAlone(
  load: Pick<Load, 'client' | 'steps' | 'checkpointEvery'>,
  seed: number,
): Promise<number> {
  const run = await load.client.runs.create(specOf(seed, load));
  for await (const _ of load.client.runs.events(run.id));
  const { firstStepAt, createdAt } = await load.client.runs.get(run.id);
  return Date.parse(firstStepAt ?? createdAt) - Date.parse(createdAt);
}

/** The seed says how a run goes: see the light workers' rehearsal. */
const isCancelled = (seed: number): 'at once' | 'while it trains' | undefined =>
  seed % 20 === 2 ? 'while it trains' : seed % 20 === 3 ? 'at once' : undefined;

function expected(seed: number): readonly RunStatus[] {
  if (seed % 20 === 0) return ['FAILED'];
  // Asked for in the last moment, it comes too late.
  return isCancelled(seed) ? ['CANCELLED', 'SUCCEEDED'] : ['SUCCEEDED'];
}

function specOf(seed: number, { steps, checkpointEvery }: Pick<Load, 'steps' | 'checkpointEvery'>): RunSpec {
  return {
    ...{ model: 'clip-tiny', dataset: 'scenes', seed },
    duration: { steps },
    batch: { global: 16, shards: 4 },
    priority: 40 + (seed % 3) * 10,
    checkpoint: { everySteps: checkpointEvery },
    evaluation: { tasks: ['zero-shot'], baseline: false },
    workers: { min: 1, max: seed % 5 === 0 ? 2 : 1 },
  };
}

async function followed(
  client: TriptychClient,
  runId: string,
  cancelsIt: boolean,
): Promise<{ states: number; last: number }> {
  let [states, last, cancelled] = [0, 0, false];
  for await (const event of client.runs.events(runId)) {
    states += 1;
    last = event.sequence;
    if (!cancelsIt || cancelled || event.type !== 'progress') continue;
    cancelled = true;
    // It may be over by now.
    await client.runs.cancel(runId).catch(() => undefined);
  }
  return { states, last };
}

/** A page that is open, somebody who leafs, and Prometheus. */
async function readMeanwhile(client: TriptychClient, signal: AbortSignal): Promise<string[]> {
  const surprises: string[] = [];
  const every = async (ms: number, name: string, read: () => Promise<unknown>) => {
    while (!signal.aborted) {
      await read().catch((error: Error) => surprises.push(`${name}: ${error.message}`));
      await delay(ms, undefined, { signal }).catch(() => undefined);
    }
  };
  await Promise.all([
    every(250, 'pages of runs', () => firstOf(client.runs.list({ pageSize: 50 }), 150)),
    every(1000, 'runs by status', () => firstOf(client.runs.list({ status: 'SUCCEEDED', pageSize: 20 }), 20)),
    every(1000, 'workers', () => firstOf(client.workers(), 500)),
    every(1000, 'datasets', () => firstOf(client.datasets.list(), 100)),
    every(1000, 'models', () => firstOf(client.models.list(), 100)),
    every(2000, 'metrics', () => client.metrics()),
    every(1000, 'a plan', () => client.runs.plan(specOf(5, { steps: 6, checkpointEvery: 3 }))),
    every(250, 'a run', async () => {
      const [newest] = await firstOf(client.runs.list({ pageSize: 1 }), 1);
      if (!newest) return;
      await firstOf(client.runs.stepMetrics(newest.id), 100).catch(ignoreMissing);
      await client.runs.scores(newest.id).catch(ignoreMissing);
      await client.runs.checkpoints(newest.id).catch(ignoreMissing);
    }),
  ]);
  return surprises;
}

async function firstOf<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) {
    found.push(item);
    if (found.length >= count) break;
  }
  return found;
}

/** Somebody deletes runs meanwhile. */
function ignoreMissing(error: unknown): void {
  if ((error as { code?: string }).code !== 'NOT_FOUND') throw error;
}
