import type { worker } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { ProgressMeter } from './progress-meter.ts';

const GLOBAL_BATCH = 16;

/** A step of 100 that took so many seconds on the whole fleet. */
const took = (step: number, seconds: number): worker.StepCommitted => ({
  ...{ step, totalSteps: 100, epoch: step / 50, loss: 3, learningRate: 0.1, gradientNorm: 1 },
  ...{ samplesPerSecond: GLOBAL_BATCH / seconds, samplesProcessed: step * GLOBAL_BATCH },
  ...{
    dataSeconds: 0,
    forwardBackwardSeconds: seconds,
    allReduceSeconds: 0,
    optimizerSeconds: 0,
    allReduceBytes: 0,
    datasetLosses: [],
  },
});

const meter = () => new ProgressMeter({ globalBatch: GLOBAL_BATCH });

test('says where the run is', () => {
  expect(meter().after([took(1, 1), took(2, 1)])).toMatchObject({
    ...{ step: 2, totalSteps: 100, epoch: 0.04, ratio: 0.02, samplesProcessed: 32, loss: 3 },
  });
});

test('the steps that are left take as long as the last ones did on average', () => {
  // 1 s and 3 s: 2 s a step, 98 steps left, 16 samples in 2 s. The mean of the two rates would be 10.7 samples a second.
  expect(meter().after([took(1, 1), took(2, 3)])).toMatchObject({ etaSeconds: 196, samplesPerSecond: 8 });
});

test('one slow step among many, in a batch of its own, does not make the estimate jump', () => {
  const steady = meter();
  steady.after(Array.from({ length: 19 }, (_, index) => took(index + 1, 1)));
  // 19 s and 21 s over 20 steps.
  expect(steady.after([took(20, 21)]).etaSeconds).toBeCloseTo(80 * 2);
});

test('what was long ago does not count: half the fleet has left', () => {
  const changed = meter();
  changed.after(Array.from({ length: 30 }, (_, index) => took(index + 1, 1)));
  const after = changed.after(Array.from({ length: 20 }, (_, index) => took(index + 31, 2)));
  expect(after).toMatchObject({ etaSeconds: 100, samplesPerSecond: 8 });
});

test('nothing is left at the end; nothing is said without a rate', () => {
  expect(meter().after([took(100, 1)]).etaSeconds).toBe(0);
  const silent = meter().after([{ ...took(1, 1), samplesPerSecond: 0 }]);
  expect(silent).not.toHaveProperty('etaSeconds');
  expect(silent).not.toHaveProperty('samplesPerSecond');
});
