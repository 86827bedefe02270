// Four floats at a time: loads and stores of incomplete vectors, sums, and the exponential.

/** The sum of the four lanes, left to right. */
// @ts-ignore: decorator
@inline
export function sumLanes(v: v128): f32 {
  return (
    f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3)
  );
}

/** `count` (1 to 3) floats; the other lanes are zero. */
export function loadTail(from: usize, count: usize): v128 {
  let v = v128.load32_zero(from);
  if (count > 1) v = f32x4.replace_lane(v, 1, f32.load(from, 4));
  if (count > 2) v = f32x4.replace_lane(v, 2, f32.load(from, 8));
  return v;
}

/** Writes the first `count` (1 to 3) lanes. */
export function storeTail(to: usize, v: v128, count: usize): void {
  f32.store(to, f32x4.extract_lane(v, 0));
  if (count > 1) f32.store(to, f32x4.extract_lane(v, 1), 4);
  if (count > 2) f32.store(to, f32x4.extract_lane(v, 2), 8);
}

/** All bits of the first `count` lanes. */
export function tailMask(count: usize): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(<i32>count));
}

/**
 * e^x within 2e-7 relative, after Cephes' expf; arguments are clamped to the range of normal floats. Adding 1.5 * 2^23
 * rounds to a whole number and leaves it in the low bits, which is several instructions less than nearest and trunc_sat.
 */
// @ts-ignore: decorator
@inline
export function exp4(argument: v128): v128 {
  const magic = f32x4.splat(12582912);
  // In this order of operands, NaN stays NaN.
  const x = f32x4.pmin(f32x4.pmax(argument, f32x4.splat(-87.3)), f32x4.splat(88.3));
  const shifted = f32x4.add(f32x4.mul(x, f32x4.splat(1.44269504)), magic);
  const n = f32x4.sub(shifted, magic);
  const high = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  const r = f32x4.sub(high, f32x4.mul(n, f32x4.splat(-2.1219444e-4)));
  let p = f32x4.splat(1.9875691e-4);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.3981999e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(8.3334519e-3));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(4.1665795e-2));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.6666665e-1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(5.0000001e-1));
  p = f32x4.add(f32x4.add(f32x4.mul(p, f32x4.mul(r, r)), r), f32x4.splat(1));
  return f32x4.mul(p, i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23));
}
