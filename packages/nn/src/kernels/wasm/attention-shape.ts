/** What every attention on the wasm heap needs to know of its inputs: sizes, strides, addresses, the mask as numbers. */
import { type AttentionShape, attentionShape } from '../attention-shape.ts';
import type { AttentionSettings, Projections } from '../kernels.ts';
import type { WasmHeap } from './heap.ts';

const maskCode = { full: 0, causal: 1, ranges: 2 } as const;

export interface Shape extends AttentionShape {
  /** In bytes, from one position to the next. */
  readonly qRow: number;
  readonly kvRow: number;
}

export function shapeOf(projections: Projections, settings: AttentionSettings): Shape {
  const [first, second] = projections;
  const qRow = 4 * first.shape[2];
  const kvRow = second === undefined ? qRow : 4 * second.shape[2];
  return { ...attentionShape(projections, settings), qRow, kvRow };
}

/** Of the first query, key and value. */
export function addresses(heap: WasmHeap, [first, second]: Projections, shape: Shape): number[] {
  const queryBytes = 4 * shape.heads * shape.headDim;
  const q = heap.address(first);
  const k = second === undefined ? q + queryBytes : heap.address(second);
  return [q, k, k + 4 * shape.keyValueHeads * shape.headDim];
}

export const codeOf = ({ mask }: AttentionSettings) => maskCode[typeof mask === 'string' ? mask : 'ranges'];

export function withRanges(
  heap: WasmHeap,
  { mask }: AttentionSettings,
  use: (address: number) => void,
): void {
  if (typeof mask === 'string') use(0);
  else heap.withCopy(mask.bounds, use);
}

export const paddedTo4 = (count: number) => Math.ceil(count / 4) * 4;
