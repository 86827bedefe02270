/** What every attention on the wasm heap needs to know of its inputs: sizes, strides, addresses, the mask as numbers. */
import type { AttentionSettings, Projections } from '../kernels.ts';
import type { WasmHeap } from './heap.ts';

const maskCode = { full: 0, causal: 1, ranges: 2 } as const;

export interface Shape {
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

export function shapeOf([first, second]: Projections, { heads, keyValueHeads }: AttentionSettings): Shape {
  const [batch, queries, width] = first.shape;
  const headDim = width / (second === undefined ? heads + 2 * keyValueHeads : heads);
  const [keys, kvWidth] = second === undefined ? [queries, width] : [second.shape[1], second.shape[2]];
  return { batch, queries, keys, heads, keyValueHeads, headDim, qRow: 4 * width, kvRow: 4 * kvWidth };
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
