// float32 to bfloat16, rounded to nearest even, and back.

/** `count` is a multiple of 8. */
export function packBfloat16(floats: usize, packed: usize, count: i32): void {
  const end = floats + (<usize>count << 2);
  while (floats < end) {
    v128.store(packed, i16x8.narrow_i32x4_u(round(v128.load(floats)), round(v128.load(floats, 16))));
    floats += 32;
    packed += 16;
  }
}

/** A zero before each half: the interleaving of two vectors, which is one instruction. */
export function unpackBfloat16(packed: usize, floats: usize, count: i32): void {
  const zeros = i16x8.splat(0);
  const end = floats + (<usize>(count & ~15) << 2);
  while (floats < end) {
    const first = v128.load(packed);
    const second = v128.load(packed, 16);
    v128.store(floats, i16x8.shuffle(zeros, first, 0, 8, 1, 9, 2, 10, 3, 11));
    v128.store(floats, i16x8.shuffle(zeros, first, 4, 12, 5, 13, 6, 14, 7, 15), 16);
    v128.store(floats, i16x8.shuffle(zeros, second, 0, 8, 1, 9, 2, 10, 3, 11), 32);
    v128.store(floats, i16x8.shuffle(zeros, second, 4, 12, 5, 13, 6, 14, 7, 15), 48);
    packed += 32;
    floats += 64;
  }
  for (let rest = count & 15; rest > 0; rest--) {
    i32.store(floats, <i32>load<u16>(packed) << 16);
    packed += 2;
    floats += 4;
  }
}

/** The upper halves; a number that is none keeps a bit of its mantissa, or it would become infinite. */
// @ts-ignore: decorator
@inline
function round(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd), 16);
  const quiet = v128.or(i32x4.shr_u(x, 16), i32x4.splat(0x40));
  return v128.bitselect(quiet, rounded, f32x4.ne(x, x));
}
