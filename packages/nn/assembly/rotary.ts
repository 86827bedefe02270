// Rotary positions in the half-split layout: pairs (i, i + half) of the first `heads` heads of each row are turned, the
// rest of the row is copied. `cos` and `sin` hold `half` floats for each position.
import { loadTail, storeTail } from './vector';

/** `positions`: rows after which the table begins again (all rows, or the length of one sequence). */
export function rotate(
  x: usize, y: usize, cos: usize, sin: usize,
  rows: i32, positions: i32, width: i32, heads: i32, half: i32, inverse: bool,
): void {
  const full = <usize>(half & ~3) << 2;
  const rest = <usize>(half & 3);
  const halfBytes = <usize>half << 2;
  const turned = <usize>heads * 2 * halfBytes;
  const bytes = <usize>width << 2;
  const sign = f32x4.splat(inverse ? -1 : 1);
  for (let row = 0; row < rows; row++) {
    const angle = <usize>(row % positions) * halfBytes;
    for (let head: usize = 0; head < turned; head += 2 * halfBytes) {
      const a = x + head;
      const b = a + halfBytes;
      const toA = y + head;
      const toB = toA + halfBytes;
      for (let i: usize = 0; i < full; i += 16) {
        const c = v128.load(cos + angle + i);
        const s = f32x4.mul(sign, v128.load(sin + angle + i));
        const va = v128.load(a + i);
        const vb = v128.load(b + i);
        v128.store(toA + i, f32x4.sub(f32x4.mul(va, c), f32x4.mul(vb, s)));
        v128.store(toB + i, f32x4.add(f32x4.mul(vb, c), f32x4.mul(va, s)));
      }
      if (rest) {
        const c = loadTail(cos + angle + full, rest);
        const s = f32x4.mul(sign, loadTail(sin + angle + full, rest));
        const va = loadTail(a + full, rest);
        const vb = loadTail(b + full, rest);
        storeTail(toA + full, f32x4.sub(f32x4.mul(va, c), f32x4.mul(vb, s)), rest);
        storeTail(toB + full, f32x4.add(f32x4.mul(vb, c), f32x4.mul(va, s)), rest);
      }
    }
    memory.copy(y + turned, x + turned, bytes - turned);
    x += bytes;
    y += bytes;
  }
}
