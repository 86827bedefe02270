/** Attention and rotary positions by the kernels of assembly/, which read packed projections in place. */
import type { Tensor3D } from '../../tensorflow.ts';
import type { AttentionSettings, Kernels, Projections } from '../kernels.ts';
import type { WasmHeap } from './heap.ts';

const maskCode = { full: 0, causal: 1, ranges: 2 } as const;

export function wasmAttention(heap: WasmHeap): Pick<Kernels, 'attention' | 'attentionGradient' | 'rotate'> {
  const { kernels } = heap;
  return {
    attention(projections, settings) {
      const shape = shapeOf(projections, settings);
      const output = heap.tensor<Tensor3D>([shape.batch, shape.queries, shape.heads * shape.headDim]);
      const probabilities = heap.tensor([shape.batch, shape.heads, shape.queries, paddedTo4(shape.keys)]);
      withRanges(heap, settings, (ranges) => {
        const pointers = [...addresses(heap, projections, shape), heap.address(output)];
        kernels.attention(
          ...[...pointers, heap.address(probabilities), ranges],
          ...[...numbers(shape, settings), heap.gemmScratch],
        );
      });
      return { output, saved: [probabilities] };
    },

    attentionGradient(dy, { projections, saved: [probabilities] }, settings) {
      const shape = shapeOf(projections, settings);
      const gradients = projections.map((projection) => heap.tensor<Tensor3D>(projection.shape));
      const blockRows = kernels.attentionBlock(shape.queries, codeOf(settings));
      withRanges(heap, settings, (ranges) =>
        heap.withScratch(4 * blockRows * paddedTo4(shape.keys), (dScores) => {
          const inputs = [heap.address(dy), ...addresses(heap, projections, shape)];
          kernels.attentionGradient(
            ...[...inputs, heap.address(probabilities!), ranges],
            ...addresses(heap, gradients as unknown as Projections, shape),
            ...[...numbers(shape, settings), dScores, heap.gemmScratch],
          );
        }),
      );
      return gradients;
    },

    rotate(x, { table, heads, inverse }) {
      const [batch, length, width] = x.shape;
      const y = heap.tensor<Tensor3D>(x.shape);
      const half = table.headDim / 2;
      heap.withCopy(table.cos, (cos) =>
        heap.withCopy(table.sin, (sin) => {
          const pointers = [heap.address(x), heap.address(y), cos, sin];
          const positions = table.cos.length / half;
          kernels.rotate(...pointers, batch * length, positions, width, heads, half, inverse ? 1 : 0);
        }),
      );
      return y;
    },
  };
}

interface Shape {
  readonly batch: number;
  readonly queries: number;
  readonly keys: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headDim: number;
  /** In bytes, from one position to the next. */
  readonly qRow: number;
  readonly kvRow: number;
}

function shapeOf([first, second]: Projections, { heads, keyValueHeads }: AttentionSettings): Shape {
  const [batch, queries, width] = first.shape;
  const headDim = width / (second === undefined ? heads + 2 * keyValueHeads : heads);
  const [keys, kvWidth] = second === undefined ? [queries, width] : [second.shape[1], second.shape[2]];
  return { batch, queries, keys, heads, keyValueHeads, headDim, qRow: 4 * width, kvRow: 4 * kvWidth };
}

/** Of the first query, key and value. */
function addresses(heap: WasmHeap, [first, second]: Projections, shape: Shape): number[] {
  const queryBytes = 4 * shape.heads * shape.headDim;
  const q = heap.address(first);
  const k = second === undefined ? q + queryBytes : heap.address(second);
  return [q, k, k + 4 * shape.keyValueHeads * shape.headDim];
}

function numbers(shape: Shape, settings: AttentionSettings): number[] {
  const { batch, queries, keys, heads, keyValueHeads, headDim, qRow, kvRow } = shape;
  const mean = settings.blind === 'mean' ? 1 : 0;
  const sizes = [batch, queries, keys, heads, keyValueHeads, headDim, qRow, kvRow];
  return [...sizes, codeOf(settings), mean, headDim ** -0.5];
}

const codeOf = ({ mask }: AttentionSettings) => maskCode[typeof mask === 'string' ? mask : 'ranges'];

function withRanges(heap: WasmHeap, { mask }: AttentionSettings, use: (address: number) => void): void {
  if (typeof mask === 'string') use(0);
  else heap.withCopy(mask.bounds, use);
}

const paddedTo4 = (count: number) => Math.ceil(count / 4) * 4;
