/**
 * Adds partial sums along the fixed tree over S shards. The parts are any nodes of that tree that cover it exactly;
 * whichever cover is given, the additions are the same ones, so the bits are too. Works in blocks that stay in cache.
 */
import { strict as assert } from 'node:assert';
import type { Range } from './shard-range.ts';
import { splitOf } from './shard-tree.ts';
import { addPair } from './vector-sum.ts';

/** A node of the tree with the sum of its shards (or the same slice of every sum). */
export interface PartialSum extends Range {
  readonly values: Float32Array;
}

/** 32 KiB of floats: two operands and a target fit in an L2 cache with room to spare. */
const blockFloats = 8192;

/**
 * Writes the sum over all shards into `out`. `parts` are tree nodes, in any order, that cover [0, shards) without
 * overlap, each as long as `out`, none of them sharing memory with it.
 */
export function sumInTreeOrder(sum: {
  shards: number;
  parts: readonly PartialSum[];
  out: Float32Array;
}): void {
  const { shards, parts, out } = sum;
  const byStart = new Map<number, PartialSum[]>();
  for (const part of parts) byStart.set(part.start, [...(byStart.get(part.start) ?? []), part]);
  const root = plan({ start: 0, end: shards }, byStart);
  for (let from = 0; from < out.length; from += blockFloats) {
    const to = Math.min(from + blockFloats, out.length);
    const target = out.subarray(from, to);
    const result = evaluate(root, { from, to, target });
    if (result !== target) target.set(result);
  }
}

type Plan =
  | { readonly leaf: Float32Array }
  | { readonly left: Plan; readonly right: Plan; readonly scratch: Float32Array };

function plan(node: Range, byStart: ReadonlyMap<number, readonly PartialSum[]>): Plan {
  const part = byStart.get(node.start)?.find((candidate) => candidate.end === node.end);
  if (part) return { leaf: part.values };
  assert(node.end - node.start > 1, `no partial sum covers shard ${node.start}`);
  const split = splitOf(node);
  return {
    left: plan({ start: node.start, end: split }, byStart),
    right: plan({ start: split, end: node.end }, byStart),
    scratch: new Float32Array(blockFloats),
  };
}

/** The block of a node's sum: a view of the part itself, or the target it was added into. */
function evaluate(node: Plan, block: { from: number; to: number; target: Float32Array }): Float32Array {
  const { from, to, target } = block;
  if ('leaf' in node) return node.leaf.subarray(from, to);
  const left = evaluate(node.left, { from, to, target: node.scratch.subarray(0, to - from) });
  const right = evaluate(node.right, { from, to, target });
  addPair({ target, left, right });
  return target;
}
