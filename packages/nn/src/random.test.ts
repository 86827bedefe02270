import { expect, it } from 'vitest';
import { random } from './index.ts';

const draws = (count: number, draw: () => number) => Array.from({ length: count }, draw);

it('gives the same numbers for the same seed and purpose, others for others', () => {
  const first = draws(8, random(1, 'shuffle', 0).uniform);
  expect(draws(8, random(1, 'shuffle', 0).uniform)).toEqual(first);
  for (const other of [
    random(1, 'shuffle', 1),
    random(2, 'shuffle', 0),
    random(1, 'shuffle', '0'),
    random(1),
  ]) {
    expect(draws(8, other.uniform)).not.toEqual(first);
  }
});

it('is uniform, normal and unbiased within four standard errors', () => {
  const count = 100_000;
  const mean = (numbers: number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const uniform = draws(count, random(3, 'uniform').uniform);
  expect(Math.min(...uniform.slice(0, 1000))).toBeGreaterThanOrEqual(0);
  expect(Math.max(...uniform.slice(0, 1000))).toBeLessThan(1);
  expect(Math.abs(mean(uniform) - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / count));

  const normal = draws(count, random(3, 'normal').normal);
  expect(Math.abs(mean(normal))).toBeLessThan(4 / Math.sqrt(count));
  expect(Math.abs(mean(normal.map((x) => x * x)) - 1)).toBeLessThan(4 * Math.sqrt(2 / count));
  expect(Math.abs(mean(normal.map((x) => x ** 4)) - 3)).toBeLessThan(4 * Math.sqrt(96 / count));

  const stream = random(3, 'integer');
  const counts = new Array<number>(7).fill(0);
  for (let i = 0; i < count; i++) counts[stream.integer(7)]!++;
  for (const seen of counts) expect(Math.abs(seen - count / 7)).toBeLessThan(4 * Math.sqrt((count * 6) / 49));
});

it('keeps its numbers from version to version: runs are resumed with them', () => {
  const stream = random(42, 'golden');
  expect([stream.uniform(), stream.normal(), stream.integer(1000)]).toMatchInlineSnapshot(`
    [
      0.42814130813127305,
      -0.16889312743206425,
      51,
    ]
  `);
});
