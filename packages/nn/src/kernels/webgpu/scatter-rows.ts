/**
 * Embedding gradients on a GPU with the same bits every time. TensorFlow.js' own scatter adds with atomics, in the order
 * in which the threads happen to arrive.
 */
import { type Tensor, type Tensor2D, tf } from '../../tensorflow.ts';

/** The part of TensorFlow.js' WebGPUBackend that is used here. */
interface ProgramBackend {
  runWebGPUProgram(
    program: object,
    inputs: readonly tf.TensorInfo[],
    outputDtype: 'float32',
    uniforms: undefined,
    output: tf.TensorInfo,
  ): tf.TensorInfo;
}

/** The sum of the rows of `dy[...,D]` that share an id, in order of appearance: `[V,D]`. */
export function scatterRows(dy: Tensor, ids: Tensor, rows: number): Tensor2D {
  const width = dy.shape.at(-1)!;
  return tf.tidy(() => {
    const inputs = [tf.reshape(dy, [ids.size, width]), tf.reshape(ids, [ids.size])];
    const sums = tf.fill([rows, width], 0) as Tensor2D;
    const dispatch: [number, number, number] = [Math.ceil(dy.size / WORKGROUP), 1, 1];
    const backend = tf.backend() as unknown as ProgramBackend;
    backend.runWebGPUProgram(
      { ...program, dispatch, outputShape: sums.shape },
      inputs,
      'float32',
      undefined,
      sums,
    );
    return sums;
  });
}

const WORKGROUP = 64;

/**
 * A thread for each number of `dy`. The first row with an id adds up its column of all rows with that id; the others
 * have nothing to do. Comparing ids costs less than the sums: they are the same for a whole row of threads.
 */
const program = {
  shaderKey: 'triptychScatterRows',
  variableNames: ['dy', 'ids'],
  workgroupSize: [WORKGROUP, 1, 1],
  dispatchLayout: { x: [0, 1] },
  getUserCode: () => `
    fn main(index : i32) {
      let width = uniforms.dyShape[1];
      let count = uniforms.idsShape;
      if (index >= count * width) { return; }
      let row = index / width;
      let column = index - row * width;
      let id = ids[row];
      for (var earlier = 0; earlier < row; earlier++) {
        if (ids[earlier] == id) { return; }
      }
      var sum = dy[index];
      for (var later = row + 1; later < count; later++) {
        if (ids[later] == id) { sum = sum + dy[later * width + column]; }
      }
      result[id * width + column] = sum;
    }`,
};
