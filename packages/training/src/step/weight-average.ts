/**
 * An exponential moving average of the trained vector: after every step `average = decay average + (1 - decay) weights`
 * (open_clip, `base_task.py`). It starts as the weights that the run starts from. Computed in double precision and rounded
 * once, so the bits are the same on every rank and machine.
 */
import type { Parameters } from '@triptych/nn';

export class WeightAverage {
  readonly decay: number;
  readonly vector: Float32Array;

  /** Adopts `vector`, the average of a checkpoint. */
  constructor(decay: number, vector: Float32Array) {
    this.decay = decay;
    this.vector = vector;
  }

  update(weights: Float32Array): void {
    const { decay, vector } = this;
    const rest = 1 - decay;
    for (let i = 0; i < vector.length; i++) vector[i] = decay * vector[i]! + rest * weights[i]!;
  }

  /** The model has the averaged weights until the result is disposed; no step may be taken before. */
  swappedIn(parameters: Parameters): Disposable {
    this.#swap(parameters);
    return { [Symbol.dispose]: () => this.#swap(parameters) };
  }

  #swap(parameters: Parameters): void {
    const { vector } = this;
    const { flat } = parameters;
    for (let i = 0; i < vector.length; i++) {
      const weight = flat[i]!;
      flat[i] = vector[i]!;
      vector[i] = weight;
    }
    parameters.upload();
  }
}
