// IEEE 754 half precision to float32, exactly, subnormal numbers included.

export function unpackFloat16(packed: usize, floats: usize, count: i32): void {
  const end = floats + (<usize>(count & ~7) << 2);
  while (floats < end) {
    const halves = v128.load(packed);
    v128.store(floats, widen(i32x4.extend_low_i16x8_u(halves)));
    v128.store(floats, widen(i32x4.extend_high_i16x8_u(halves)), 16);
    packed += 16;
    floats += 32;
  }
  for (let rest = count & 7; rest > 0; rest--) {
    v128.store32_lane(floats, widen(i32x4.splat(<i32>load<u16>(packed))), 0);
    packed += 2;
    floats += 4;
  }
}

/**
 * Exponent and fraction go to their places, and a product with 2^112 corrects the bias, of subnormal numbers too. What was
 * infinite or no number gets all bits of the exponent.
 */
// @ts-ignore: decorator
@inline
function widen(halves: v128): v128 {
  const magnitude = v128.and(halves, i32x4.splat(0x7fff));
  const scaled = f32x4.mul(i32x4.shl(magnitude, 13), f32x4.splat(reinterpret<f32>(0x77800000)));
  const notFinite = v128.and(i32x4.gt_s(magnitude, i32x4.splat(0x7bff)), i32x4.splat(0x7f800000));
  const sign = i32x4.shl(v128.and(halves, i32x4.splat(0x8000)), 16);
  return v128.or(v128.or(scaled, notFinite), sign);
}
