/**
 * The hot loops: element-wise float32 addition. Each element is added in double precision and rounded once to float32,
 * which equals IEEE single-precision addition (53 >= 2 * 24 + 2 bits), so the result is the same on every host.
 */

/** target += source, element by element. Both have the same length; either may lie in shared memory. */
export function addInto(target: Float32Array, source: Float32Array): void {
  const length = target.length;
  for (let index = 0; index < length; index++) target[index] = target[index]! + source[index]!;
}

/** target = left + right, element by element. `target` may be one of the terms. */
export function addPair(sum: { target: Float32Array; left: Float32Array; right: Float32Array }): void {
  const { target, left, right } = sum;
  const length = target.length;
  for (let index = 0; index < length; index++) target[index] = left[index]! + right[index]!;
}
