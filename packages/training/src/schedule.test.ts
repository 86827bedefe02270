import { expect, test } from 'vitest';
import { learningRateAt } from './schedule.ts';
import { goldenTensors } from './testing/golden.ts';

test('warm-up and cosine are those of open_clip', () => {
  const expected = goldenTensors('clip-trajectory', 'expected').tensors.get('learning_rate')!.float32();
  const options = { schedule: { kind: 'cosine', warmupSteps: 5 }, peak: 5e-4, totalSteps: 30 } as const;
  for (const [step, rate] of expected.entries()) expect(learningRateAt(step, options)).toBeCloseTo(rate, 9);
});

test('a constant rate warms up too', () => {
  const options = { schedule: { kind: 'constant', warmupSteps: 2 }, peak: 4, totalSteps: 9 } as const;
  expect([0, 1, 2, 8].map((step) => learningRateAt(step, options))).toEqual([2, 4, 4, 4]);
});
