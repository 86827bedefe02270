/**
 * How many entries of `scores[offset + i * stride]`, i < `count`, come before entry `target` when sorted from high to
 * low; of equal entries the lower index comes first. A target that is not a number comes last.
 */
export function rankOf(options: {
  readonly scores: Float32Array;
  readonly offset: number;
  readonly stride: number;
  readonly count: number;
  readonly target: number;
}): number {
  const { scores, offset, stride, count, target } = options;
  const own = scores[offset + target * stride]!;
  if (Number.isNaN(own)) return count;
  let before = 0;
  for (let i = 0; i < count; i++) {
    const other = scores[offset + i * stride]!;
    if (other > own || (other === own && i < target)) before++;
  }
  return before;
}
