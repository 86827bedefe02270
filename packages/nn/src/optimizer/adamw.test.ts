import { expect, it } from 'vitest';
import { AdamW, clipByGlobalNorm, ParameterLayout } from '../index.ts';

const spec = (key: string, length: number, decay: boolean) => ({
  key,
  shape: [length],
  parts: [{ name: key, shape: [length] }],
  decay,
});
const options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.1 };

it('follows the arithmetic of two steps, with decay only where the layout says', () => {
  const layout = new ParameterLayout([spec('weight', 1, true), spec('bias', 1, false)]);
  const optimizer = new AdamW(layout, options);
  const parameters = Float32Array.of(1, 1);
  // Step 1: the corrected moments are 0.5 and 0.25, so the step is 0.1 * 0.5 / 0.5; the decay leaves 0.99.
  optimizer.step(parameters, Float32Array.of(0.5, 0.5), 0.1);
  expect(parameters[0]).toBeCloseTo(0.89, 6);
  expect(parameters[1]).toBeCloseTo(0.9, 6);
  // Step 2: m = (0.9 * 0.05 - 0.1) / 0.19 = -0.2894737, v = (0.999 * 0.00025 + 0.001) / 0.001999 = 0.6251876.
  optimizer.step(parameters, Float32Array.of(-1, -1), 0.1);
  expect(parameters[0]).toBeCloseTo(0.89 * 0.99 + (0.1 * 0.2894737) / Math.sqrt(0.6251876), 6);
  expect(parameters[1]).toBeCloseTo(0.9 + (0.1 * 0.2894737) / Math.sqrt(0.6251876), 6);
  expect(optimizer.firstMoment[0]).toBeCloseTo(-0.055, 7);
  expect(optimizer.secondMoment[0]).toBeCloseTo(0.00124975, 8);
});

it('continues from its moments and step count with the same bits', () => {
  const layout = new ParameterLayout([spec('a', 5, true), spec('b', 3, true), spec('c', 2, false)]);
  const start = Float32Array.from({ length: 10 }, (_, i) => Math.sin(i));
  const gradient = (step: number) => Float32Array.from(start, (x, i) => Math.cos(x * step + i));
  const whole = new AdamW(layout, options);
  const straight = start.slice();
  for (let step = 1; step <= 6; step++) whole.step(straight, gradient(step), 1e-3);

  const first = new AdamW(layout, options);
  const resumed = start.slice();
  for (let step = 1; step <= 3; step++) first.step(resumed, gradient(step), 1e-3);
  const second = new AdamW(layout, options, first);
  second.stepCount = first.stepCount;
  for (let step = 4; step <= 6; step++) second.step(resumed, gradient(step), 1e-3);
  expect(resumed).toStrictEqual(straight);
  expect(second.firstMoment).toStrictEqual(whole.firstMoment);
});

it('clips the 3-4-5 triangle to length 1, and leaves short gradients and maxNorm 0 alone', () => {
  const gradient = Float32Array.of(3, 0, 4);
  expect(clipByGlobalNorm(gradient, 10)).toBe(5);
  expect(clipByGlobalNorm(gradient, 0)).toBe(5);
  expect([...gradient]).toEqual([3, 0, 4]);
  expect(clipByGlobalNorm(gradient, 1)).toBe(5);
  expect(gradient[0]).toBeCloseTo(0.6, 6);
  expect(gradient[2]).toBeCloseTo(0.8, 6);
});

it('equals the formula in double precision over vectors of many pieces and odd lengths, twice the same bits', () => {
  const layout = new ParameterLayout([spec('w', 20_003, true), spec('b', 5, false)]);
  const run = () => {
    const optimizer = new AdamW(layout, options);
    const parameters = Float32Array.from({ length: 20_008 }, (_, i) => Math.sin(i));
    const gradient = Float32Array.from(parameters, (_, i) => Math.cos(3 * i) * 10 ** ((i % 7) - 5));
    for (let step = 0; step < 3; step++) optimizer.step(parameters, gradient, 1e-3);
    return { parameters, gradient };
  };
  const { parameters, gradient } = run();
  expect(run().parameters).toStrictEqual(parameters);
  let [m, v] = [0, 0];
  for (const i of [0, 1, 8191, 8192, 16_384, 20_002, 20_003, 20_007]) {
    let expected = Math.fround(Math.sin(i));
    [m, v] = [0, 0];
    for (let step = 1; step <= 3; step++) {
      m = 0.9 * m + 0.1 * gradient[i]!;
      v = 0.999 * v + 0.001 * gradient[i]! ** 2;
      if (i < 20_003) expected *= 1 - 1e-3 * 0.1;
      expected -= (1e-3 * (m / (1 - 0.9 ** step))) / (Math.sqrt(v / (1 - 0.999 ** step)) + 1e-8);
    }
    // Rounded to float32 three times.
    expect(Math.abs(parameters[i]! - expected), `parameter ${i}`).toBeLessThan(3e-7);
  }
});
