/** Attention by the kernels of assembly/, which read packed projections in place; on one thread. */
import type { Tensor3D } from '../../tensorflow.ts';
import type { AttentionSettings, Kernels, Projections } from '../kernels.ts';
import { addresses, codeOf, paddedTo4, type Shape, shapeOf, withRanges } from './attention-shape.ts';
import type { WasmHeap } from './heap.ts';

export type AttentionKernels = Pick<Kernels, 'attention' | 'attentionGradient'>;

export function assemblyAttention(heap: WasmHeap): AttentionKernels {
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
  };
}

function numbers(shape: Shape, settings: AttentionSettings): number[] {
  const { batch, queries, keys, heads, keyValueHeads, headDim, qRow, kvRow, scale } = shape;
  const mean = settings.blind === 'mean' ? 1 : 0;
  const sizes = [batch, queries, keys, heads, keyValueHeads, headDim, qRow, kvRow];
  return [...sizes, codeOf(settings), mean, scale];
}
