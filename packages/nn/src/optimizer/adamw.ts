/**
 * AdamW over one flat vector, as PyTorch computes it (https://arxiv.org/abs/1711.05101). It needs no tensor backend: only
 * correctly rounded operations in float32, so the bits are the same on every machine and every backend.
 */
import assert from 'node:assert';
import type { ParameterLayout, PlacedTensor } from '../parameters/layout.ts';
import { addressOf, piecewise } from '../vectors/vector-unit.ts';

export interface AdamWOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Applied to the parameters whose layout says `decay`. */
  readonly weightDecay: number;
  /** For tensors that differ: a factor of the learning rate, a weight decay of their own. */
  readonly ratesOf?: (tensor: PlacedTensor) => TensorRates;
}

export interface TensorRates {
  readonly learningRateFactor?: number;
  readonly weightDecay?: number;
}

export interface AdamWMoments {
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

export class AdamW implements AdamWMoments {
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** Updates so far; set it to continue from a checkpoint. */
  stepCount = 0;
  readonly #options: AdamWOptions;
  readonly #runs: readonly Run[];

  /** Adopts the moments of a checkpoint; zeros where there is none. */
  constructor(layout: ParameterLayout, options: AdamWOptions, moments?: AdamWMoments) {
    this.firstMoment = moments?.firstMoment ?? new Float32Array(layout.length);
    this.secondMoment = moments?.secondMoment ?? new Float32Array(layout.length);
    assert(
      this.firstMoment.length === layout.length && this.secondMoment.length === layout.length,
      `moments of ${layout.length} floats are expected`,
    );
    this.#options = options;
    this.#runs = runsOf(layout, options);
  }

  /** One update in place; `gradient` is read only. */
  step(parameters: Float32Array, gradient: Float32Array, learningRate: number): void {
    const { length } = this.firstMoment;
    assert(parameters.length === length && gradient.length === length, `${length} floats are expected`);
    this.stepCount++;
    for (const run of this.#runs) this.#update(parameters, gradient, learningRate, run);
  }

  #update(parameters: Float32Array, gradient: Float32Array, learningRate: number, run: Run): void {
    const { beta1, beta2, epsilon } = this.#options;
    const rate = learningRate * run.factor;
    const shrink = 1 - rate * run.weightDecay;
    const stepSize = rate / (1 - power(beta1, this.stepCount));
    const deviationScale = 1 / Math.sqrt(1 - power(beta2, this.stepCount));
    const vectors = [parameters, gradient, this.firstMoment, this.secondMoment];
    piecewise({ vectors, changed: [0, 2, 3], from: run.start, to: run.end }, (kernels, count) => {
      const pieces = [0, 1, 2, 3].map(addressOf);
      const decays = [beta1, 1 - beta1, beta2, 1 - beta2];
      kernels.adamw(...pieces, count, ...decays, epsilon, shrink, stepSize, deviationScale);
    });
  }
}

interface Run {
  readonly start: number;
  end: number;
  /** Of the learning rate. */
  readonly factor: number;
  readonly weightDecay: number;
}

/** Neighbours with the same rates make one run. */
function runsOf(layout: ParameterLayout, { weightDecay, ratesOf }: AdamWOptions): Run[] {
  const runs: Run[] = [];
  for (const tensor of layout.specs) {
    const { learningRateFactor: factor = 1, weightDecay: own = weightDecay } = ratesOf?.(tensor) ?? {};
    const { offset, length, decay } = tensor;
    const applied = decay ? own : 0;
    const last = runs.at(-1);
    if (last && last.factor === factor && last.weightDecay === applied) last.end = offset + length;
    else runs.push({ start: offset, end: offset + length, factor, weightDecay: applied });
  }
  return runs;
}

/** `factor ** exponent` from multiplications alone: `**` is not correctly rounded and may differ between engines. */
function power(factor: number, exponent: number): number {
  let result = 1;
  let square = factor;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
