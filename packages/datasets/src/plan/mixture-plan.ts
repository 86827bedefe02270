/**
 * Which samples of which dataset every step of a run trains on, as a pure function of (seed, step): any rank can compute any batch at any
 * time, and a resumed run goes on where it was without having stored a cursor. How many workers there are is not known here.
 *
 * The rule. A batch of B samples has floor(B w) or ceil(B w) of a dataset with share w, and over any number of batches from the first the
 * count is less than one off (`BatchShares`). Every dataset has passes of its own: a pass is the same number of steps each time, as
 * many as its samples are sure to fill, begins with a new order, and uses no sample twice. What it leaves over is counted (`passes`);
 * which samples that are changes from pass to pass. An epoch is as many whole batches as all samples of all datasets fill; with one
 * dataset, epoch and pass are the same.
 */
import assert from 'node:assert';
import { invalidInput, type Violation } from '@triptych/protocol';
import { randomStream } from '../random-stream.ts';
import { passOrder } from './pass-order.ts';
import { BatchShares, weightViolations } from './shares.ts';

export interface MixtureDataset {
  /** Distinct positions in the dataset's manifest. */
  readonly samples: Int32Array;
  /** Above 0; its ratio to the others counts. */
  readonly weight: number;
  /** Tokens of each sample, negative without images: batches get samples of similar length and one modality. Absent: any. */
  readonly lengths?: Int32Array | undefined;
}

/** Rows in their order in the batch; a shard is a slice of them. The arrays may be views: do not write to them. */
export interface PlannedBatch {
  readonly epoch: number;
  /** Positions in the manifest of the row's dataset. */
  readonly samples: Int32Array;
  /** Positions in the list of datasets. */
  readonly datasets: Int32Array;
}

export interface DatasetPass {
  /** From 0. */
  readonly pass: number;
  readonly steps: number;
  /** Samples that this pass does not use. */
  readonly leftOver: number;
}

export interface MixturePlan {
  readonly stepsPerEpoch: number;
  /** The global batch of `step`, counted from 0 over all epochs. A sample is at most once in it for each time its dataset is listed. */
  batch(step: number): PlannedBatch;
  /** In which pass each dataset is at `step`. */
  passes(step: number): DatasetPass[];
  /** Which of `count` alternatives (captions, answers) a sample uses at `step`: over `count` passes each one once, in random order. */
  choose(at: { step: number; dataset: number; sample: number; count: number }): number;
}

/** What keeps datasets of these sizes from being mixed: for whoever checks a run before its samples are read. */
export function mixtureViolations(options: {
  datasets: readonly { readonly samples: number; readonly weight: number }[];
  globalBatch: number;
}): Violation[] {
  const { datasets, globalBatch } = options;
  const weights = datasets.map(({ weight }) => weight);
  const violations = weightViolations(weights, (dataset) => `/datasets/${dataset}/weight`);
  if (violations.length > 0 || datasets.length === 0) return violations;
  const shares = new BatchShares(weights, globalBatch);
  return datasets.flatMap(({ samples }, dataset) => {
    if (shares.batchesWithin(samples, dataset) > 0) return [];
    const share = (globalBatch * (shares.weights[dataset] as number)) / shares.sum;
    const needed = Number.isInteger(share) ? share : Math.ceil(share + 1);
    return [
      {
        path: `/datasets/${dataset}`,
        expected: `at least ${needed} samples for a share of ${share.toPrecision(4)} in a batch of ${globalBatch}`,
        actual: String(samples),
        remedy: 'lower its weight, use a smaller batch, or add samples',
      },
    ];
  });
}

/** Throws INVALID_INPUT with every one of `mixtureViolations`. Samples that repeat and steps below 0 are bugs of the caller. */
export function mixturePlan(options: {
  datasets: readonly MixtureDataset[];
  globalBatch: number;
  seed: number;
}): MixturePlan {
  const { datasets, globalBatch, seed } = options;
  assert(datasets.length > 0, 'no dataset');
  const sizes = datasets.map(({ samples, weight }) => ({ samples: samples.length, weight }));
  const violations = mixtureViolations({ datasets: sizes, globalBatch });
  if (violations.length > 0) throw invalidInput('mixture of datasets', violations);
  const shares = new BatchShares(
    datasets.map(({ weight }) => weight),
    globalBatch,
  );
  const total = sizes.reduce((sum, { samples }) => sum + samples, 0);
  const stepsPerEpoch = Math.floor(total / globalBatch);
  const parts = datasets.map((dataset, position) => new Part(dataset, { position, shares, seed }));
  let last: { step: number; batch: PlannedBatch } | undefined;
  return {
    stepsPerEpoch,
    batch(step) {
      if (last?.step !== step) {
        const rows = interleaved(parts.map((part) => part.samplesOf(step)));
        last = { step, batch: { epoch: Math.floor(step / stepsPerEpoch), ...rows } };
      }
      return last.batch;
    },
    passes: (step) => parts.map((part) => part.passAt(step)),
    choose({ step, dataset, sample, count }) {
      if (count === 1) return 0;
      const { pass } = (parts[dataset] as Part).passAt(step);
      const purpose = ['captions', sample, Math.floor(pass / count), ...own(dataset)];
      const order = randomStream(seed, ...purpose).shuffle([...Array(count).keys()]);
      return order[pass % count] as number;
    },
  };
}

/** The first dataset draws as if it were alone. */
const own = (position: number): number[] => (position === 0 ? [] : [position]);

/** One dataset of the mixture. */
class Part {
  readonly #dataset: MixtureDataset;
  readonly #position: number;
  readonly #shares: BatchShares;
  readonly #seed: number;
  readonly #steps: number;
  #current: { readonly pass: number; readonly order: Int32Array } | undefined;

  constructor(
    dataset: MixtureDataset,
    { position, shares, seed }: { position: number; shares: BatchShares; seed: number },
  ) {
    const { samples, lengths } = dataset;
    assert(new Set(samples).size === samples.length, 'samples repeat');
    assert(!lengths || lengths.length === samples.length, 'not a length for each sample');
    this.#dataset = dataset;
    this.#position = position;
    this.#shares = shares;
    this.#seed = seed;
    this.#steps = shares.batchesWithin(samples.length, position);
  }

  samplesOf(step: number): Int32Array {
    assert(Number.isInteger(step) && step >= 0, `step ${step} is not a whole number >= 0`);
    const pass = Math.floor(step / this.#steps);
    const start = this.#given(pass * this.#steps);
    if (this.#current?.pass !== pass) this.#current = { pass, order: this.#orderOf(pass) };
    return this.#current.order.subarray(this.#given(step) - start, this.#given(step + 1) - start);
  }

  passAt(step: number): DatasetPass {
    const steps = this.#steps;
    const pass = Math.floor(step / steps);
    const used = this.#given((pass + 1) * steps) - this.#given(pass * steps);
    return { pass, steps, leftOver: this.#dataset.samples.length - used };
  }

  #orderOf(pass: number): Int32Array {
    const { samples, lengths } = this.#dataset;
    const first = pass * this.#steps;
    const sizes = Array.from(
      { length: this.#steps },
      (_, n) => this.#given(first + n + 1) - this.#given(first + n),
    );
    const stream = randomStream(this.#seed, 'shuffle', pass, ...own(this.#position));
    return passOrder({ samples, lengths, sizes, stream });
  }

  #given(steps: number): number {
    return this.#shares.given(this.#position, steps);
  }
}

/** Spreads each dataset's samples evenly over the rows, so that shards have about the same mixture. */
function interleaved(parts: readonly Int32Array[]): { samples: Int32Array; datasets: Int32Array } {
  const [first] = parts;
  if (parts.length === 1 && first) return { samples: first, datasets: new Int32Array(first.length) };
  const rows = parts.flatMap((part, dataset) =>
    Array.from(part, (sample, n) => ({ sample, dataset, at: 2 * n + 1, of: part.length })),
  );
  rows.sort((a, b) => a.at * b.of - b.at * a.of || a.dataset - b.dataset);
  return {
    samples: Int32Array.from(rows, ({ sample }) => sample),
    datasets: Int32Array.from(rows, ({ dataset }) => dataset),
  };
}
