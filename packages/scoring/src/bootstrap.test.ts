import { expect, test } from 'vitest';
import { confidenceIntervals, pairedDifferences } from './bootstrap.ts';
import { clustersOf, eachAlone, meanOfSamples, type Statistic } from './score.ts';
import { draws } from './testing/draws.ts';

const named = { metric: 'm', unit: 'number' as const };
const idsOf = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);
const meanOf = (values: number[], clusters = eachAlone(values.length)): Statistic =>
  meanOfSamples({ ...named, ids: idsOf(values.length), values, clusters });

test('of a mean the interval is that of the normal distribution', () => {
  const random = draws(1);
  const values = Array.from({ length: 2000 }, () => 5 + random.normal());
  const mean = values.reduce((sum, value) => sum + value, 0) / 2000;
  const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 2000);
  const [interval] = confidenceIntervals([meanOf(values)], { clusters: 2000, integer: random.integer });
  const error = (1.96 * deviation) / Math.sqrt(2000);
  // A quantile of 1000 resamples is itself off by a tenth of the error or so.
  expect(Math.abs(interval!.low - (mean - error))).toBeLessThan(error / 5);
  expect(Math.abs(interval!.high - (mean + error))).toBeLessThan(error / 5);
});

test('ten copies of every sample in its own cluster do not make the score surer', () => {
  const random = draws(2);
  const values = Array.from({ length: 300 }, () => random.normal());
  const width = (statistic: Statistic) => {
    const [interval] = confidenceIntervals([statistic], { clusters: 300, integer: draws(3).integer });
    return interval!.high - interval!.low;
  };
  const tenfold = values.flatMap((value) => Array<number>(10).fill(value));
  const clusters = clustersOf(tenfold.map((_, i) => `image ${Math.floor(i / 10)}`));
  expect(width(meanOf(tenfold, clusters))).toBeCloseTo(width(meanOf(values)), 10);
});

test('about 95 of 100 intervals hold the truth', () => {
  const random = draws(4);
  let held = 0;
  for (let trial = 0; trial < 100; trial++) {
    const values = Array.from({ length: 60 }, () => random.normal());
    const [interval] = confidenceIntervals([meanOf(values)], {
      clusters: 60,
      integer: random.integer,
      resamples: 200,
    });
    if (interval!.low <= 0 && interval!.high >= 0) held++;
  }
  // Four standard deviations are 9, and a bootstrap of 60 is a little too narrow.
  expect(held).toBeGreaterThan(84);
  expect(held).toBeLessThan(100);
});

test('the same draws give the same bits, and every weight is drawn', () => {
  const values = Array.from({ length: 50 }, (_, i) => i);
  const once = () => confidenceIntervals([meanOf(values)], { clusters: 50, integer: draws(5).integer });
  expect(once()).toEqual(once());
  const seen = new Set<number>();
  const watched: Statistic = {
    ...meanOf(values),
    of(weights) {
      let sum = 0;
      for (let i = 0; i < weights.length; i++) {
        sum += weights[i]!;
        if (weights[i]! > 0) seen.add(i);
      }
      expect(sum).toBe(50);
      return 0;
    },
  };
  confidenceIntervals([watched], { clusters: 50, integer: draws(5).integer, resamples: 20 });
  expect(seen.size).toBe(50);
});

test('quantiles are those of NumPy', () => {
  // numpy.quantile([0, 1, 4, 9, 16, 25, 36, 49, 64, 81], [0.1, 0.9]) is [0.9, 65.7].
  const squares = Array.from({ length: 10 }, (_, i) => i * i);
  let at = 0;
  const [interval] = confidenceIntervals([{ ...meanOf([0, 0]), of: () => squares[at++]! }], {
    clusters: 2,
    integer: () => 0,
    resamples: 10,
    level: 0.8,
  });
  expect(interval!.low).toBeCloseTo(0.9, 12);
  expect(interval!.high).toBeCloseTo(65.7, 12);
});

test('there is no interval where one image is all there is, or where a resample may have nothing to score', () => {
  const { integer } = draws(6);
  expect(confidenceIntervals([meanOf([1])], { clusters: 1, integer })).toEqual([undefined]);
  const rare = meanOfSamples({
    ...named,
    ids: idsOf(9),
    values: [1, 0, 0, 0, 0, 0, 0, 0, 0],
    clusters: eachAlone(9),
    among: [0],
    group: { by: 'type', name: 'rare' },
  });
  expect(rare).toMatchObject({ value: 1, samples: 1, perSample: { ids: ['0'], values: [1] } });
  expect(confidenceIntervals([rare], { clusters: 9, integer })).toEqual([undefined]);
});

test('paired: a small gain on every image is sure, a gain on half of them is not', () => {
  const random = draws(7);
  const first = Array.from({ length: 200 }, () => 10 * random.normal());
  const compare = (second: number[]) =>
    pairedDifferences([meanOf(first)], [meanOf(second)], { clusters: 200, integer: draws(8).integer })[0]!;
  const gained = compare(first.map((value) => value + 0.1 + 0.01 * random.normal()));
  expect(gained.difference).toBeCloseTo(0.1, 2);
  expect(gained.interval!.low).toBeGreaterThan(0.09);
  expect(gained.pValue).toBeCloseTo(2 / 1001, 12);
  const noise = compare(first.map((value, i) => value + (i % 2 === 0 ? 1 : -1)));
  expect(noise.pValue).toBeGreaterThan(0.5);
  const none = compare(first);
  expect(none).toMatchObject({ difference: 0, pValue: 1 });
});

test('different metrics are not compared', () => {
  const { integer } = draws(9);
  const other = { ...meanOf([1, 2]), metric: 'other' };
  expect(() => pairedDifferences([meanOf([1, 2])], [other], { clusters: 2, integer })).toThrow(
    /same metrics/,
  );
});
