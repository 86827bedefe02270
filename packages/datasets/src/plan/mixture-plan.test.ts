import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MixtureDataset, mixturePlan, mixtureViolations } from './mixture-plan.ts';
import { BatchShares } from './shares.ts';

const positions = (count: number, first = 0) => Int32Array.from({ length: count }, (_, i) => first + i);

describe('shares', () => {
  const mixtures = fc.record({
    weights: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 9 }),
    globalBatch: fc.integer({ min: 1, max: 70 }),
  });

  test('every batch has floor or ceil of a share, and no running sum is one off', () => {
    fc.assert(
      fc.property(mixtures, ({ weights, globalBatch }) => {
        const shares = new BatchShares(weights, globalBatch);
        const total = weights.reduce((a, b) => a + b, 0);
        const wrong: unknown[] = [];
        for (let step = 0; step < 2 * total; step += 1) {
          let batch = 0;
          for (const [dataset, weight] of weights.entries()) {
            const share = (globalBatch * weight) / total;
            const given = shares.given(dataset, step + 1);
            const now = given - shares.given(dataset, step);
            batch += now;
            // In whole numbers, so that "less than one" is exact.
            const off = Math.abs(given * total - (step + 1) * globalBatch * weight);
            if (off >= total || (now !== Math.floor(share) && now !== Math.ceil(share)))
              wrong.push({ step, dataset, given, now });
          }
          if (batch !== globalBatch) wrong.push({ step, batch });
        }
        expect(wrong).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  test('decimals mean what they say: 0.7 and 0.3 of ten are 7 and 3', () => {
    const shares = new BatchShares([0.7, 0.3], 10);
    expect([0, 1].map((dataset) => shares.given(dataset, 1_000_000))).toEqual([7_000_000, 3_000_000]);
    expect(new BatchShares([1e-3, 2], 1).weights).toEqual([1, 2000]);
  });
});

const samplesOf = (plan: ReturnType<typeof mixturePlan>, step: number) => {
  const { samples, datasets } = plan.batch(step);
  return [...samples].map((sample, row) => `${datasets[row]}:${sample}`);
};

describe('a mixture', () => {
  const datasets: MixtureDataset[] = [
    { samples: positions(50), weight: 2 },
    { samples: positions(23, 1000), weight: 1 },
    { samples: positions(9), weight: 0.25 },
  ];
  const options = { datasets, globalBatch: 8, seed: 5 };

  test('a pass uses samples once and begins anew; what it leaves over is said', () => {
    const plan = mixturePlan(options);
    for (const [dataset, { samples }] of datasets.entries()) {
      const passes = new Map<number, { used: string[]; leftOver: number }>();
      for (let step = 0; step < 300; step += 1) {
        const { pass, leftOver } = plan.passes(step)[dataset]!;
        const entry = passes.get(pass) ?? { used: [], leftOver };
        passes.set(pass, entry);
        entry.used.push(...samplesOf(plan, step).filter((one) => one.startsWith(`${dataset}:`)));
      }
      // The last pass may be cut by the end of the loop.
      const whole = [...passes.values()].slice(0, -1);
      expect(whole.length).toBeGreaterThan(3);
      for (const { used, leftOver } of whole) {
        expect(new Set(used).size).toBe(used.length);
        expect(used.length + leftOver).toBe(samples.length);
        // Less than a share and two.
        expect(leftOver).toBeLessThan((8 * datasets[dataset]!.weight) / 3.25 + 2);
      }
      expect(whole[0]!.used).not.toEqual(whole[1]!.used);
      expect(new Set(whole.flatMap(({ used }) => used)).size).toBe(samples.length);
    }
  });

  test('steps may be asked for in any order, by anyone', () => {
    const plan = mixturePlan(options);
    const steps = Array.from({ length: 60 }, (_, step) => step);
    const forward = steps.map((step) => samplesOf(plan, step));
    const backward = steps.toReversed().map((step) => samplesOf(mixturePlan(options), step));
    expect(backward.toReversed()).toEqual(forward);
    expect(steps.map((step) => samplesOf(mixturePlan({ ...options, seed: 6 }), step))).not.toEqual(forward);
  });

  test('the mixture of a plan is for ever', () => {
    const plan = mixturePlan(options);
    expect(plan.stepsPerEpoch).toBe(Math.floor(82 / 8));
    expect([0, 1, 11].map((step) => samplesOf(plan, step).join(' '))).toMatchInlineSnapshot(`
      [
        "0:25 1:1007 0:30 0:19 2:6 0:27 1:1019 0:38",
        "0:46 1:1006 0:29 0:39 1:1021 0:22 1:1004 0:36",
        "0:13 1:1002 0:33 0:8 2:1 0:9 1:1019 0:16",
      ]
    `);
    const choices = Array.from({ length: 40 }, (_, step) =>
      plan.choose({ step: step * plan.passes(0)[1]!.steps, dataset: 1, sample: 1003, count: 4 }),
    );
    for (let cycle = 0; cycle < 40; cycle += 4)
      expect(choices.slice(cycle, cycle + 4).toSorted()).toEqual([0, 1, 2, 3]);
  });

  test('each half of a batch has about half of each dataset', () => {
    const plan = mixturePlan({
      datasets: [
        { samples: positions(400), weight: 3 },
        { samples: positions(400), weight: 1 },
      ],
      globalBatch: 16,
      seed: 1,
    });
    const { datasets: rows } = plan.batch(3);
    expect([0, 4, 8, 12].map((start) => rows.subarray(start, start + 4).reduce((a, b) => a + b))).toEqual([
      1, 1, 1, 1,
    ]);
  });

  test('everything that cannot be mixed is said at once', () => {
    const violations = (samples: number[], weights: number[], globalBatch = 10) =>
      mixtureViolations({
        datasets: samples.map((count, n) => ({ samples: count, weight: weights[n]! })),
        globalBatch,
      });
    expect(violations([4, 100, 1], [1, 1, 0.01]).map(({ path, expected }) => [path, expected])).toEqual([
      ['/datasets/0', expect.stringContaining('at least 6 samples')],
      ['/datasets/2', expect.stringContaining('at least 2 samples')],
    ]);
    expect(violations([5, 5], [1, 1])).toEqual([]);
    expect(violations([9, 9], [0, Number.NaN]).map(({ path }) => path)).toEqual([
      '/datasets/0/weight',
      '/datasets/1/weight',
    ]);
    expect(violations([9, 9], [0.333333, 0.666667])[0]?.remedy).toContain('1 and 2');
    expect(() =>
      mixturePlan({ datasets: [{ samples: positions(3), weight: 1 }], globalBatch: 4, seed: 0 }),
    ).toThrow('at least 4 samples');
  });
});

describe('batches by length', () => {
  // Lengths 1..400 of samples with images, 1..200 of samples without.
  const lengths = Int32Array.from({ length: 600 }, (_, i) => (i < 400 ? i + 1 : 399 - i));
  const plan = (seed = 1) =>
    mixturePlan({ datasets: [{ samples: positions(600), weight: 1, lengths }], globalBatch: 7, seed });
  const lengthsAt = (step: number, seed?: number) =>
    [...plan(seed).batch(step).samples].map((one) => lengths[one]!);
  const steps = Math.floor(600 / 7);

  test('one modality in a batch, but for one batch of remainders', () => {
    const mixed = Array.from(
      { length: steps },
      (_, step) => new Set(lengthsAt(step).map(Math.sign)).size === 2,
    );
    expect(mixed.filter(Boolean).length).toBeLessThanOrEqual(1);
  });

  test('similar lengths in a batch: less padding than shuffled batches by far', () => {
    const padding = (batches: number[][]) =>
      batches
        .map((batch) => batch.map(Math.abs))
        .reduce((sum, batch) => sum + batch.reduce((waste, one) => waste + Math.max(...batch) - one, 0), 0);
    const shuffled = mixturePlan({
      datasets: [{ samples: positions(600), weight: 1 }],
      globalBatch: 7,
      seed: 1,
    });
    const all = Array.from({ length: steps }, (_, step) => step);
    const without = all.map((step) => [...shuffled.batch(step).samples].map((one) => lengths[one]!));
    expect(padding(all.map((step) => lengthsAt(step)))).toBeLessThan(padding(without) / 5);
  });

  test('a pass uses every sample once, long and short batches come in random order, seeds differ', () => {
    const all = Array.from({ length: steps }, (_, step) => [...plan().batch(step).samples]);
    expect(new Set(all.flat()).size).toBe(steps * 7);
    const longest = all.map((batch) => Math.max(...batch.map((one) => Math.abs(lengths[one]!))));
    const rises = longest.filter((one, n) => n > 0 && one > longest[n - 1]!).length;
    expect(rises).toBeGreaterThan(steps / 4);
    expect(lengthsAt(0, 2)).not.toEqual(lengthsAt(0, 1));
    expect(lengthsAt(steps)).not.toEqual(lengthsAt(0));
  });
});
