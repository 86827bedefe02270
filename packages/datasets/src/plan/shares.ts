/**
 * How many samples of each dataset every global batch has, for datasets that are mixed by weights.
 *
 * With B samples in a batch and a share w (weight over the sum of all weights), a dataset gives floor(B w) or ceil(B w) samples to every
 * batch, and after T batches, for every T, the number it gave differs from T B w by less than one. That all three hold at once is the
 * theorem of proportionate fairness, whose algorithm this is: whole parts are given to everyone, and the remaining places of a batch
 * are processors on which the datasets are periodic tasks (Baruah, Cohen, Plaxton, Varvel: Proportionate Progress, 1996).
 * All arithmetic is in whole numbers. After `period` batches everything repeats, so any batch can be asked for at once.
 */
import type { Violation } from '@triptych/protocol';

/** The table of one period has a row for each batch of it. */
const MAX_WEIGHT_SUM = 100_000;

export class BatchShares {
  /** Shares as whole numbers without a common divisor, and their sum. */
  readonly weights: readonly number[];
  readonly sum: number;
  readonly globalBatch: number;
  readonly #period: number;
  /** [period + 1, datasets]: samples that each gave in the first batches of a period. */
  readonly #given: Float64Array;

  /** `weights` are checked by `weightViolations` before. */
  constructor(weights: readonly number[], globalBatch: number) {
    this.weights = wholeNumbers(weights);
    this.sum = this.weights.reduce((a, b) => a + b, 0);
    this.globalBatch = globalBatch;
    this.#period = this.sum / this.weights.reduce((a, b) => divisor(a, b * globalBatch), this.sum);
    this.#given = tableOf(this.weights, { sum: this.sum, period: this.#period, globalBatch });
  }

  /** Samples that `dataset` gives in the first `steps` batches. */
  given(dataset: number, steps: number): number {
    const count = this.weights.length;
    const rest = steps % this.#period;
    const whole = (steps - rest) / this.#period;
    const at = (row: number) => this.#given[row * count + dataset] as number;
    return whole * at(this.#period) + at(rest);
  }

  /**
   * The most batches in a row for which `samples` suffice, wherever they begin: exact where B w is whole; else the count of any T
   * batches is below T B w + 2.
   */
  batchesWithin(samples: number, dataset: number): number {
    const demand = this.globalBatch * (this.weights[dataset] as number);
    const enough = demand % this.sum === 0 ? samples : samples - 1;
    return Math.max(0, Math.floor((enough * this.sum) / demand));
  }
}

/** What keeps weights from being exact shares; `path` says where they stand. */
export function weightViolations(weights: readonly number[], path: (dataset: number) => string): Violation[] {
  const violations = weights.flatMap((weight, dataset) =>
    Number.isFinite(weight) && weight > 0
      ? []
      : [
          {
            path: path(dataset),
            expected: 'a number above 0',
            actual: String(weight),
            remedy: 'leave the dataset out, or give it a weight',
          },
        ],
  );
  if (violations.length > 0) return violations;
  const sum = wholeNumbers(weights).reduce((a, b) => a + b, 0);
  if (sum <= MAX_WEIGHT_SUM) return [];
  return [
    {
      path: path(0),
      expected: `weights whose ratio is one of whole numbers with a sum of at most ${MAX_WEIGHT_SUM}`,
      actual: weights.join(' : '),
      remedy: 'use whole numbers, such as 1 and 2 instead of 0.3333 and 0.6667',
    },
  ];
}

/** The same ratio in whole numbers: what is written in decimals is meant as decimals. */
function wholeNumbers(weights: readonly number[]): number[] {
  const decimals = Math.max(...weights.map(decimalsOf));
  const scaled = weights.map((weight) => Math.round(weight * 10 ** decimals));
  const common = scaled.reduce(divisor);
  return scaled.map((weight) => weight / common);
}

function decimalsOf(weight: number): number {
  const [, digits = '', exponent = '0'] = /^\d*\.?(\d*)(?:e([+-]\d+))?$/.exec(String(weight)) ?? [];
  return Math.max(0, digits.length - Number(exponent));
}

const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));

function tableOf(
  weights: readonly number[],
  { sum, period, globalBatch }: { sum: number; period: number; globalBatch: number },
): Float64Array {
  const count = weights.length;
  const whole = weights.map((weight) => Math.floor((globalBatch * weight) / sum));
  const rests = weights.map((weight) => (globalBatch * weight) % sum);
  const places = rests.reduce((a, b) => a + b, 0) / sum;
  const extra = new Int32Array(count);
  const given = new Float64Array((period + 1) * count);
  for (let step = 0; step < period; step += 1) {
    for (const dataset of chosen({ rests, extra, sum, places, step }))
      extra[dataset] = (extra[dataset] ?? 0) + 1;
    for (let dataset = 0; dataset < count; dataset += 1)
      given[(step + 1) * count + dataset] =
        (step + 1) * (whole[dataset] as number) + (extra[dataset] as number);
  }
  return given;
}

/** Who gets the places of a batch that whole parts leave: who must, then who comes first among those who may. */
function chosen(at: {
  rests: readonly number[];
  extra: Int32Array;
  sum: number;
  places: number;
  step: number;
}): number[] {
  const { rests, extra, sum, places, step } = at;
  // Of the characteristic string of a rest r: whether the next unit falls due (1), ends exactly (0) or can wait (-1) in batch t.
  const sign = (dataset: number, t: number) => {
    const rest = rests[dataset] as number;
    return Math.sign(((rest * t) % sum) + rest - sum);
  };
  const comesFirst = (a: number, b: number): number => {
    for (let t = step + 1; ; t += 1) {
      const [one, other] = [sign(a, t), sign(b, t)];
      if (one !== other) return other - one;
      if (one === 0) return a - b;
    }
  };
  const must: number[] = [];
  const may: number[] = [];
  for (const [dataset, rest] of rests.entries()) {
    if (rest === 0) continue;
    const behind = rest * step - sum * (extra[dataset] as number);
    const now = sign(dataset, step);
    if (behind > 0 && now >= 0) must.push(dataset);
    else if (behind >= 0 || now > 0) may.push(dataset);
  }
  return [...must, ...may.sort(comesFirst).slice(0, places - must.length)];
}
