/**
 * The one fixed binary tree over S shards: node [a, b) splits at a + the largest power of two below b - a, so every
 * left child is a complete tree. The shape depends on S alone, never on the number of ranks; that is why sums taken
 * along it have the same bits on any fleet. Geometry only: no numbers are added here.
 */
import type { Range } from './shard-range.ts';

/** The index at which a node of at least two shards splits. */
export function splitOf(node: Range): number {
  const size = node.end - node.start;
  return node.start + 2 ** (31 - Math.clz32(size - 1));
}

/** The start of the left sibling of `node` in the tree over `shards`; undefined for left children and the root. */
export function leftSiblingStart(node: Range, shards: number): number | undefined {
  let parent: Range = { start: 0, end: shards };
  while (parent.end - parent.start > 1) {
    const split = splitOf(parent);
    if (node.start === split && node.end === parent.end) return parent.start;
    parent = node.start < split ? { start: parent.start, end: split } : { start: split, end: parent.end };
  }
  return undefined;
}

/** The canonical cover of a range: its maximal complete subtrees, left to right; at most 2 log2(S) of them. */
export function coverOf(range: Range, shards: number): Range[] {
  const cover: Range[] = [];
  collectCover({ node: { start: 0, end: shards }, range, cover });
  return cover;
}

function collectCover(search: { node: Range; range: Range; cover: Range[] }): void {
  const { node, range, cover } = search;
  if (node.end <= range.start || node.start >= range.end) return;
  if (node.start >= range.start && node.end <= range.end) {
    if (node.end > node.start) cover.push(node);
    return;
  }
  const split = splitOf(node);
  collectCover({ node: { start: node.start, end: split }, range, cover });
  collectCover({ node: { start: split, end: node.end }, range, cover });
}
