/** Decoding steps on the wasm heap: the kernels of the operations, called on addresses. */
import type { tf } from '../../tensorflow.ts';
import type { AttentionSettings } from '../kernels.ts';
import type { Rows, StepKernels } from '../step-kernels.ts';
import { codeOf, paddedTo4, withRanges } from './attention-shape.ts';
import type { WasmHeap } from './heap.ts';
import { gatherInto, rotateInto } from './into.ts';
import type { Providers } from './onnxruntime/open.ts';

export function wasmStepKernels(
  heap: WasmHeap,
  { gemm, gelu }: Pick<Providers, 'gemm' | 'gelu'>,
): StepKernels {
  const { kernels } = heap;
  const at = (rows: tf.TensorInfo) => heap.address(rows);

  return {
    rows: (count, width) => heap.allocate([count, width]) as Rows,
    release: (rows) => heap.release(rows),

    tensor: (count, width) => heap.tensor([count, width]),

    embed: (table, id, { y, row }) =>
      gatherInto(heap, table, Int32Array.of(id), at(y) + 4 * row * y.shape[1]),
    copyColumns(x, y, column) {
      const [rows, width] = x.shape;
      kernels.copyRows(at(x), 4 * width, at(y) + 4 * column, 4 * y.shape[1], rows, 4 * width);
    },
    linear(x, weight, y) {
      const [n, k] = weight.shape;
      gemm.multiply({ m: x.shape[0], n, k, a: x, transposeA: false, b: weight, transposeB: true, c: y });
    },
    rmsNorm(x, weight, y, epsilon) {
      const [rows, width] = x.shape;
      heap.withScratch(4 * rows, (inverse) =>
        kernels.rmsNorm(at(x), at(weight), at(y), inverse, rows, width, epsilon),
      );
    },
    layerNorm(x, { weight, bias }, y, epsilon) {
      const [rows, width] = x.shape;
      heap.withScratch(8 * rows, (mean) => {
        const pointers = [at(x), at(weight), at(bias), at(y), mean, mean + 4 * rows];
        kernels.layerNorm(...pointers, rows, width, epsilon);
      });
    },
    gelu,
    swiGlu: (gateUp, y) => kernels.swiGlu(at(gateUp), at(y), ...y.shape),
    rotate(x, y, { table, heads }) {
      rotateInto(heap, { x, y, rows: x.shape[0], width: x.shape[1] }, { table, heads, inverse: false });
    },
    attention(queries, kv, y, settings) {
      const [batch, keys, width] = kv.shape;
      const headDim = y.shape[1] / settings.heads;
      const values = at(kv) + 4 * settings.keyValueHeads * headDim;
      heap.withScratch(4 * batch * settings.heads * paddedTo4(keys), (probabilities) =>
        withRanges(heap, settings, (ranges) =>
          kernels.attention(
            ...[at(queries), at(kv), values, at(y), probabilities, ranges],
            ...[batch, 1, keys, settings.heads, settings.keyValueHeads, headDim],
            ...[4 * queries.shape[1], 4 * width, ...codesOf(settings), headDim ** -0.5, heap.gemmScratch],
          ),
        ),
      );
    },
    add(x, y, factor) {
      const [rows, width] = y.shape;
      if (factor === undefined) kernels.addBias(at(y), at(x), 1, rows * width);
      else kernels.addScaled(at(x), at(y), factor, rows * width);
    },
  };
}

const codesOf = (settings: AttentionSettings) => [codeOf(settings), settings.blind === 'mean' ? 1 : 0];
