import { expect, test } from 'vitest';
import { labelLoss } from './label-loss.ts';

test('without smoothing: minus the log of the softmax at the label', () => {
  const logits = Float32Array.of(0, Math.log(3), 5, 5);
  const { sum, gradient } = labelLoss(logits, Int32Array.of(1, 0), { smoothing: 0, factor: 0.5 });
  // 3 of 4, and 1 of 2.
  expect(sum).toBeCloseTo(Math.log(4 / 3) + Math.log(2), 6);
  for (const [i, expected] of [0.25, -0.25, -0.5, 0.5].entries())
    expect(gradient[i]).toBeCloseTo(expected / 2, 6);
});

test('smoothed, the target is spread; the gradient is that of finite differences', () => {
  const logits = Float32Array.of(0.3, -1.2, 2, 0.7, 0.1, -0.4);
  const labels = Int32Array.of(2, 0);
  const at = { smoothing: 0.3, factor: 1 };
  // By the definition: cross entropy with the mixture of the label and all classes.
  const naive = [0, 1].reduce((sum, row) => {
    const z = [...logits.subarray(3 * row, 3 * row + 3)];
    const lse = Math.log(z.reduce((all, value) => all + Math.exp(value), 0));
    const target = z.map((_, j) => 0.1 + (j === labels[row] ? 0.7 : 0));
    return sum + z.reduce((all, value, j) => all + target[j]! * (lse - value), 0);
  }, 0);
  const { sum, gradient } = labelLoss(logits, labels, at);
  expect(sum).toBeCloseTo(naive, 6);
  for (const i of logits.keys()) {
    // A step that float32 logits can hold.
    const moved = (by: number) =>
      labelLoss(
        logits.map((z, j) => (j === i ? z + by : z)),
        labels,
        at,
      ).sum;
    expect(gradient[i]).toBeCloseTo((moved(2 ** -8) - moved(-(2 ** -8))) / 2 ** -7, 4);
  }
});

test('logits of any size stay finite', () => {
  const { sum, gradient } = labelLoss(Float32Array.of(1e4, -1e4), Int32Array.of(1), {
    smoothing: 0,
    factor: 1,
  });
  expect(sum).toBe(2e4);
  expect([...gradient]).toEqual([1, -1]);
});
