/** The kernels of the wasm backend: matrix products by the given provider, all else fused in assembly/. */
import assert from 'node:assert';
import { type Tensor, type Tensor1D, type Tensor2D, tf } from '../../tensorflow.ts';
import type { Kernels } from '../kernels.ts';
import { appendRows } from './append-rows.ts';
import { MOST_MULTIPLICATIONS } from './few-rows-gemm.ts';
import { geluCode } from './gelu.ts';
import { sizeOf, type WasmHeap } from './heap.ts';
import { gatherInto } from './into.ts';
import type { Providers } from './onnxruntime/open.ts';
import { wasmRotate } from './rotate.ts';
import { wasmStepKernels } from './step-kernels.ts';

export function wasmKernels(heap: WasmHeap, { gemm, gelu, attention }: Providers): Kernels {
  const { kernels } = heap;
  const at = (tensor: Tensor) => heap.address(tensor);

  return {
    linear(x, weight, bias) {
      const [n, k] = weight.shape;
      const m = rowsOf(x);
      const y = heap.tensor([...x.shape.slice(0, -1), n]);
      gemm.multiply({ m, n, k, a: x, transposeA: false, b: weight, transposeB: true, c: y, bias });
      return y;
    },
    linearInputGradient(dy, weight) {
      const [k, n] = weight.shape;
      const dx = heap.tensor([...dy.shape.slice(0, -1), n]);
      gemm.multiply({ m: rowsOf(dy), n, k, a: dy, transposeA: false, b: weight, transposeB: false, c: dx });
      return dx;
    },
    linearWeightGradient(dy, x) {
      const m = widthOf(dy);
      const n = widthOf(x);
      const dw = heap.tensor<Tensor2D>([m, n]);
      gemm.multiply({ m, n, k: rowsOf(x), a: dy, transposeA: true, b: x, transposeB: false, c: dw });
      return dw;
    },
    columnSum(x) {
      const sums = heap.tensor<Tensor1D>([widthOf(x)]);
      kernels.columnSum(at(x), at(sums), rowsOf(x), widthOf(x));
      return sums;
    },

    layerNorm(x, weight, bias, epsilon) {
      const [rows, width] = [rowsOf(x), widthOf(x)];
      const output = heap.tensor(x.shape);
      const mean = heap.tensor([rows]);
      const inverse = heap.tensor([rows]);
      const pointers = [x, weight, bias, output, mean, inverse].map(at);
      kernels.layerNorm(...pointers, rows, width, epsilon);
      return { output, saved: [mean, inverse] };
    },
    layerNormGradient(dy, { x, weight, saved: [mean, inverse] }) {
      const [rows, width] = [rowsOf(x), widthOf(x)];
      const gradients = { x: heap.tensor(x.shape), weight: heap.tensor([width]), bias: heap.tensor([width]) };
      const pointers = [dy, x, weight, mean!, inverse!, gradients.x, gradients.weight, gradients.bias].map(
        at,
      );
      kernels.layerNormGradient(...pointers, rows, width);
      return gradients;
    },

    rmsNorm(x, weight, epsilon) {
      const output = heap.tensor(x.shape);
      const inverse = heap.tensor([rowsOf(x)]);
      kernels.rmsNorm(...[x, weight, output, inverse].map(at), rowsOf(x), widthOf(x), epsilon);
      return { output, saved: [inverse] };
    },
    rmsNormGradient(dy, { x, weight, saved: [inverse] }) {
      const gradients = { x: heap.tensor(x.shape), weight: heap.tensor([widthOf(x)]) };
      const pointers = [dy, x, weight, inverse!, gradients.x, gradients.weight].map(at);
      kernels.rmsNormGradient(...pointers, rowsOf(x), widthOf(x));
      return gradients;
    },

    gelu(x, kind) {
      const y = heap.tensor(x.shape);
      gelu(x, y, kind);
      return y;
    },
    geluGradient(dy, { x, y }, kind) {
      const dx = heap.tensor(x.shape);
      kernels.geluGradient(at(dy), at(x), at(y), at(dx), x.size, geluCode[kind]);
      return dx;
    },

    swiGlu(gateUp) {
      const width = widthOf(gateUp) / 2;
      const y = heap.tensor([...gateUp.shape.slice(0, -1), width]);
      kernels.swiGlu(at(gateUp), at(y), rowsOf(gateUp), width);
      return y;
    },
    swiGluGradient(dy, gateUp) {
      const gradient = heap.tensor(gateUp.shape);
      kernels.swiGluGradient(at(dy), at(gateUp), at(gradient), rowsOf(dy), widthOf(dy));
      return gradient;
    },

    ...attention,
    rotate: wasmRotate(heap),

    gatherRows(table, ids) {
      const width = table.shape[1];
      const y = heap.tensor([...ids.shape, width]);
      // A copy: the window on the heap is void after the next allocation.
      gatherInto(heap, table, heap.integers(ids).slice(), at(y));
      return y;
    },
    scatterRows(dy, ids, rows) {
      const width = widthOf(dy);
      const table = heap.tensor<Tensor2D>([rows, width]);
      kernels.scatterRows(at(dy), at(ids), at(table), ids.size, width, rows);
      return table;
    },
    appendRows: (rows, options) => appendRows(heap, rows, options),

    crossEntropy(logits, labels) {
      const [rows, classes] = logits.shape;
      const logSums = heap.tensor([rows]);
      const loss = heap.withCopy(labels, (labelsAt) =>
        kernels.crossEntropy(at(logits), labelsAt, at(logSums), rows, classes),
      );
      return { output: tf.scalar(loss), saved: [logSums] };
    },
    crossEntropyGradient(scale, { logits, labels, saved: [logSums] }) {
      const [rows, classes] = logits.shape;
      const gradient = heap.tensor<Tensor2D>([rows, classes]);
      const factor = heap.floats(scale)[0]!;
      heap.withCopy(labels, (labelsAt) => {
        const pointers = [at(logits), labelsAt, at(logSums!), at(gradient)];
        kernels.crossEntropyGradient(...pointers, rows, classes, factor);
      });
      return gradient;
    },

    step: wasmStepKernels(heap, { gemm, gelu }),
    frozenMatrix(numbers, shape) {
      if (numbers.dtype !== 'F32' || sizeOf(shape) > MOST_MULTIPLICATIONS)
        return heap.host.tensor(numbers, shape);
      // Products of a few rows read it on the heap: from elsewhere, they would have other bits.
      assertSize(numbers.data, shape);
      const matrix = heap.tensor<Tensor2D>(shape);
      heap.floats(matrix).set(numbers.data);
      return matrix;
    },
    read: (x) => heap.floats(x),
  };
}

/** Of what is to become a tensor of this shape. */
function assertSize({ length }: { readonly length: number }, shape: readonly number[]): void {
  assert(length === sizeOf(shape), `${length} numbers for shape [${shape}]`);
}

const widthOf = (x: Tensor) => x.shape.at(-1)!;
const rowsOf = (x: Tensor) => sizeOf(x.shape.slice(0, -1));
