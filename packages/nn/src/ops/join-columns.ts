import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { type Tensor, tf } from '../tensorflow.ts';

/** `[...,a]`, `[...,b]`, ... side by side. Unlike `tf.concat`, whose gradient wants their shapes, it keeps none of them alive. */
export function joinColumns(parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  assert(first !== undefined, 'joinColumns: there is nothing to join');
  const rows = first.shape.slice(0, -1).join();
  for (const { shape } of parts)
    assert(shape.slice(0, -1).join() === rows, `joinColumns: [${shape}] beside [${first.shape}]`);
  const widths = parts.map(({ shape }) => shape.at(-1)!);
  return differentiable({
    inputs: Object.fromEntries(parts.map((part, i) => [i, part])),
    forward: () => tf.concat([...parts], -1),
    gradients: (dy) => Object.fromEntries(widths.map((_, i) => [i, () => columnsOf(dy, widths, i)])),
  });
}

function columnsOf(x: Tensor, widths: readonly number[], part: number): Tensor {
  const rank = x.shape.length;
  const begin = new Array<number>(rank).fill(0);
  begin[rank - 1] = widths.slice(0, part).reduce((sum, width) => sum + width, 0);
  const size = new Array<number>(rank).fill(-1);
  size[rank - 1] = widths[part]!;
  return tf.slice(x, begin, size);
}
