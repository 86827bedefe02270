import type { worker } from '@triptych/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { GenerationItem } from './generation.ts';
import { SilenceWatch } from './silence-watch.ts';

const MINUTE_MS = 60_000;
let watch: SilenceWatch;
beforeEach(() => {
  const limits = { stepSilenceMs: MINUTE_MS, phaseSilenceMs: 10 * MINUTE_MS };
  watch = new SilenceWatch({ ...limits, worldSize: 2, checkpointEverySteps: 100 });
});

const tell = (rank: number, event: worker.TrainEvent['event'], at = 0): GenerationItem => ({
  ...{ kind: 'event', rank, event: { sequence: 0, at, event } },
});

const enter = (phase: string, ranks = [0, 1], step = 0) =>
  watch.heard(
    ranks.map((rank) => tell(rank, { $case: 'phase', value: { phase, step, totalSteps: 300, message: '' } })),
  );

/** Both ranks commit these steps, one after the other. */
const step = (first: number, last: number, { ms = 100, ranks = [0, 1] } = {}) => {
  for (let number = first; number <= last; number++) {
    const value = { ...stepOf300, step: number };
    watch.heard(ranks.map((rank) => tell(rank, { $case: 'step', value }, number * ms)));
  }
};

const stepOf300: worker.StepCommitted = {
  ...{ step: 0, totalSteps: 300, epoch: 0, loss: 1, learningRate: 1, gradientNorm: 1, samplesPerSecond: 1 },
  ...{
    samplesProcessed: 0,
    dataSeconds: 0,
    forwardBackwardSeconds: 0,
    allReduceSeconds: 0,
    optimizerSeconds: 0,
  },
  allReduceBytes: 0,
  datasetLosses: [],
};

const checkpoint = (at: number) =>
  watch.heard([tell(0, { $case: 'checkpoint', value: { step: at, sha256: '', bytes: 1, seconds: 1 } })]);

describe('the limit', () => {
  test('between quick steps is a minute', () => {
    enter('training');
    step(1, 20);
    expect(watch.limitMs).toBe(MINUTE_MS);
  });

  test('is not moved by events that waited for an hour', () => {
    enter('training');
    step(1, 3);
    for (const jump of [3_600_000, -3_600_000])
      watch.heard([tell(0, { $case: 'step', value: { ...stepOf300, step: 4 } }, 400 + jump)]);
    expect(watch.limitMs).toBe(MINUTE_MS);
  });

  test('between slow steps is ten times their time, whatever a few of them took', () => {
    enter('training');
    step(1, 30, { ms: 20_000 });
    expect(watch.limitMs).toBe(200_000);
    // One step of 40 took 400 s: 2.5 %, beyond the 95th percentile.
    watch.heard([tell(0, { $case: 'step', value: { ...stepOf300, step: 31 } }, 30 * 20_000 + 400_000)]);
    expect(watch.limitMs).toBe(200_000);
  });

  test.each(['loading', 'baseline', 'evaluating', 'publishing'])('while %s is ten minutes', (phase) => {
    enter('training');
    step(1, 20);
    enter(phase, [0], 20);
    expect(watch.limitMs).toBe(10 * MINUTE_MS);
  });

  test('before anything was heard, and before the pace is known, is ten minutes', () => {
    expect(watch.limitMs).toBe(10 * MINUTE_MS);
    enter('training');
    step(1, 1);
    expect(watch.limitMs).toBe(10 * MINUTE_MS);
  });

  test('while a checkpoint is saved is ten minutes: until it is reported, or the next step shows that it is', () => {
    enter('training');
    step(98, 100);
    expect(watch.limitMs).toBe(10 * MINUTE_MS);
    checkpoint(100);
    expect(watch.limitMs).toBe(MINUTE_MS);
    step(101, 200);
    expect(watch.limitMs).toBe(10 * MINUTE_MS);
    step(201, 201, { ranks: [1] });
    expect(watch.limitMs).toBe(MINUTE_MS);
    step(299, 300);
    expect(watch.limitMs).toBe(10 * MINUTE_MS);
  });
});

describe('the report', () => {
  test('names phase and step where all are equal', () => {
    enter('training');
    step(1, 12);
    expect(watch.report(MINUTE_MS)).toBe(
      'No rank has made progress for 60 s; all last reported phase training, step 12',
    );
  });

  test('names the rank that is behind', () => {
    enter('training');
    step(1, 12);
    step(13, 13, { ranks: [0] });
    expect(watch.report(90_000)).toBe(
      'No rank has made progress for 90 s; furthest behind: rank 1, which last reported phase training, step 12 (others last reported phase training, step 13)',
    );
  });

  test('names a rank that never said a word, and none that has ended', () => {
    enter('loading', [0]);
    expect(watch.report(MINUTE_MS)).toMatch(/furthest behind: rank 1, which told nothing/);
    watch.heard([{ kind: 'ended', rank: 1 }]);
    expect(watch.report(MINUTE_MS)).toMatch(/all last reported phase loading$/);
  });
});
