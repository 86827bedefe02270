import { type Tensor, tf } from '../tensorflow.ts';
import { differentiable } from './tape.ts';

/**
 * `forward()` as a constant: a recording keeps nothing of it but its result, and no gradient flows into it. For a frozen
 * tower, whose activations would otherwise lie in memory until the whole forward pass has ended.
 */
export function unrecorded<T extends Tensor>(forward: () => T): T {
  // An operation inside an operation is not recorded; what it makes on the way is freed at its end.
  return differentiable({ inputs: {}, forward: () => tf.tidy(forward), gradients: () => ({}) }) as T;
}
