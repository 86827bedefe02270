/** What a run learnt in its validations so far, and the weights that did best in them. */
import type { Parameters } from '@triptych/nn';
import type { ResolvedRunSpec } from '@triptych/protocol';
import { bestMetric, bestOf, isStalled, type Validated } from '../catalog/validation.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { WeightAverage } from '../step/weight-average.ts';

type Kept = Pick<Checkpoint, 'validations' | 'best' | 'bestAverage'>;

export interface Weights {
  readonly trainable: Parameters;
  readonly average: WeightAverage | undefined;
}

export class Validations {
  readonly #spec: Pick<ResolvedRunSpec, 'validation' | 'earlyStopping' | 'checkpoint'>;
  readonly #weights: Weights;
  readonly #series: Validated[];
  /** Of the step that was best; copies. */
  #best: { readonly weights: Float32Array; readonly average: Float32Array | undefined } | undefined;

  constructor(
    spec: Pick<ResolvedRunSpec, 'validation' | 'earlyStopping' | 'checkpoint'>,
    weights: Weights,
    resumed: Kept = {},
  ) {
    this.#spec = spec;
    this.#weights = weights;
    this.#series = [...(resumed.validations ?? [])];
    if (resumed.best) this.#best = { weights: resumed.best, average: resumed.bestAverage };
  }

  isDue(step: number, totalSteps: number): boolean {
    const { validation } = this.#spec;
    if (!validation || this.#series.at(-1)?.step === step) return false;
    return step % validation.everySteps === 0 || step === totalSteps;
  }

  record(validated: Validated): void {
    this.#series.push(validated);
    const metric = bestMetric(this.#spec.checkpoint.keep);
    if (metric === undefined || bestOf(this.#series, metric) !== validated) return;
    const { trainable, average } = this.#weights;
    this.#best = { weights: trainable.flat.slice(), average: average?.vector.slice() };
  }

  /** Whether the run ends here because nothing has become better. */
  get isStalled(): boolean {
    const { earlyStopping } = this.#spec;
    return earlyStopping !== undefined && isStalled(this.#series, earlyStopping);
  }

  /** The model gets the weights of the best step, where those are wanted. @returns that step. */
  takeBest(): number | undefined {
    const metric = bestMetric(this.#spec.checkpoint.keep);
    const best = metric === undefined ? undefined : bestOf(this.#series, metric);
    if (!best || !this.#best) return undefined;
    const { trainable, average } = this.#weights;
    trainable.flat.set(this.#best.weights);
    if (average && this.#best.average) average.vector.set(this.#best.average);
    trainable.upload();
    return best.step;
  }

  /** For a checkpoint. */
  get state(): Kept {
    if (!this.#spec.validation) return {};
    const { weights, average } = this.#best ?? {};
    return {
      validations: this.#series,
      ...(weights && { best: weights }),
      ...(average && { bestAverage: average }),
    };
  }
}
