import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { kernels } from '../kernels/kernels.ts';
import { type Tensor, tf } from '../tensorflow.ts';

/**
 * `x[..., D]`, seen as rows, with row `positions[i]` replaced by row i of `rows[..., D]`: how images get among the embeddings of a text.
 * The gradient of `x` is zero where it was replaced. Positions must differ.
 */
export function replaceRows<T extends Tensor>(x: T, rows: Tensor, positions: Int32Array): T {
  const width = x.shape.at(-1)!;
  const count = x.size / width;
  const flat = (rowed: Tensor) => tf.reshape<tf.Rank.R2>(rowed, [-1, width]);
  assert(rows.shape.at(-1) === width, `replaceRows: rows [${rows.shape}] for x [${x.shape}]`);
  assert(
    rows.size === positions.length * width,
    `replaceRows: rows [${rows.shape}] for ${positions.length} positions`,
  );
  const rowsShape = rows.shape;
  // Row i of x is row i of the table; the replacements lie below it.
  const sources = Int32Array.from({ length: count }, (_, i) => i);
  for (const [i, position] of positions.entries()) {
    assert(
      sources[position] === position,
      `replaceRows: position ${position} of ${count} is wrong or comes twice`,
    );
    sources[position] = count + i;
  }
  return differentiable({
    inputs: { x, rows },
    forward: () => {
      const table = tf.concat([flat(x), flat(rows)], 0);
      return tf.reshape(kernels().gatherRows(table, tf.tensor1d(sources, 'int32')), x.shape);
    },
    gradients: (dy) => {
      const dyRows = flat(dy);
      return {
        x: () => {
          const table = tf.concat([dyRows, tf.zeros<tf.Rank.R2>([1, width])], 0);
          const kept = sources.map((source) => Math.min(source, count));
          return tf.reshape(kernels().gatherRows(table, tf.tensor1d(kept, 'int32')), dy.shape);
        },
        rows: () => tf.reshape(kernels().gatherRows(dyRows, tf.tensor1d(positions, 'int32')), rowsShape),
      };
    },
  }) as T;
}
