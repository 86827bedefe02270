import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { type Tensor, tf } from '../tensorflow.ts';

/** `x + branch`, of equal shape. Unlike `tf.add`, whose gradient wants their shapes, it keeps neither of the two alive. */
export function residual<T extends Tensor>(x: T, branch: Tensor): T {
  assert(x.shape.join() === branch.shape.join(), `residual: x [${x.shape}], branch [${branch.shape}]`);
  return differentiable({
    inputs: { x, branch },
    forward: () => tf.add(x, branch),
    gradients: (dy) => ({ x: () => dy, branch: () => dy }),
  }) as T;
}
