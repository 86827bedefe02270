// IEEE 754 half precision to float32, exactly, subnormal numbers included.

export function unpackFloat16(packed: usize, floats: usize, count: i32): void {
  const zeros = i16x8.splat(0);
  const exponent = i16x8.splat(0x7c00);
  const end = floats + (<usize>(count & ~7) << 2);
  while (floats < end) {
    const halves = v128.load(packed);
    const low = i16x8.shuffle(zeros, halves, 0, 8, 1, 9, 2, 10, 3, 11);
    const high = i16x8.shuffle(zeros, halves, 4, 12, 5, 13, 6, 14, 7, 15);
    if (v128.any_true(i16x8.eq(v128.and(halves, exponent), exponent))) {
      v128.store(floats, widenAny(low));
      v128.store(floats, widenAny(high), 16);
    } else {
      v128.store(floats, widen(low));
      v128.store(floats, widen(high), 16);
    }
    packed += 16;
    floats += 32;
  }
  for (let rest = count & 7; rest > 0; rest--) {
    v128.store32_lane(floats, widenAny(i32x4.splat(<i32>load<u16>(packed) << 16)), 0);
    packed += 2;
    floats += 4;
  }
}

/**
 * Halves in the upper half of each lane. Exponent and fraction go to their places, and a product with 2^112 corrects the
 * bias, of subnormal numbers too.
 */
// @ts-ignore: decorator
@inline
function widen(halves: v128): v128 {
  const placed = v128.and(i32x4.shr_s(halves, 3), i32x4.splat(0x8fffe000));
  return f32x4.mul(placed, f32x4.splat(reinterpret<f32>(0x77800000)));
}

/** What was infinite or no number, 65536 or more by now, gets all bits of the exponent. */
// @ts-ignore: decorator
@inline
function widenAny(halves: v128): v128 {
  const wide = widen(halves);
  const notFinite = f32x4.ge(f32x4.abs(wide), f32x4.splat(65536));
  return v128.or(wide, v128.and(notFinite, i32x4.splat(0x7f800000)));
}
