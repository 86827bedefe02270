import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { kernels } from '../kernels/kernels.ts';
import { type Tensor, type Tensor2D, type Tensor3D, tf } from '../tensorflow.ts';

/** Rows of `table[V,D]` for int32 `ids[...]`: `[...,D]`. Ids outside the table are the caller's bug. */
export function embed(table: Tensor2D, ids: Tensor): Tensor {
  assert(ids.dtype === 'int32', `embed: ids must be int32, not ${ids.dtype}`);
  const [rows] = table.shape;
  return differentiable({
    inputs: { table },
    forward: (save) => {
      save(ids);
      return kernels().gatherRows(table, ids);
    },
    gradients: (dy, [savedIds]) => ({ table: () => kernels().scatterRows(dy, savedIds!, rows) }),
  });
}

/** Pooling: row `positions[b]` of each `x[b]`, so `x[B,T,D]` to `[B,D]`. */
export function selectRows(x: Tensor3D, positions: Int32Array): Tensor2D {
  const [batch, length, width] = x.shape;
  assert(positions.length === batch, `selectRows: ${positions.length} positions for a batch of ${batch}`);
  const rowIds = positions.map((position, b) => {
    assert(position >= 0 && position < length, `selectRows: position ${position} of ${length}`);
    return b * length + position;
  });
  return differentiable({
    inputs: { x },
    forward: () => kernels().gatherRows(tf.reshape(x, [batch * length, width]), tf.tensor1d(rowIds, 'int32')),
    gradients: (dy) => ({
      x: () =>
        tf.reshape(kernels().scatterRows(dy, tf.tensor1d(rowIds, 'int32'), batch * length), [
          batch,
          length,
          width,
        ]),
    }),
  }) as Tensor2D;
}
