// RMSNorm over rows of `width` floats, any width. `inverse` holds one float a row.
import { loadTail, storeTail, sumLanes } from './vector';

export function rmsNorm(
  x: usize, weight: usize, y: usize, inverse: usize, rows: i32, width: i32, epsilon: f32,
): void {
  const full = <usize>(width & ~3) << 2;
  const rest = <usize>(width & 3);
  const stride = <usize>width << 2;
  const scale: f32 = 1 / <f32>width;
  for (let row = 0; row < rows; row++) {
    let squares = f32x4.splat(0);
    for (let i: usize = 0; i < full; i += 16) {
      const value = v128.load(x + i);
      squares = f32x4.add(squares, f32x4.mul(value, value));
    }
    if (rest) {
      const value = loadTail(x + full, rest);
      squares = f32x4.add(squares, f32x4.mul(value, value));
    }
    const r: f32 = 1 / Mathf.sqrt(sumLanes(squares) * scale + epsilon);
    const r4 = f32x4.splat(r);
    for (let i: usize = 0; i < full; i += 16) {
      v128.store(y + i, f32x4.mul(f32x4.mul(v128.load(x + i), r4), v128.load(weight + i)));
    }
    if (rest) {
      const normalised = f32x4.mul(loadTail(x + full, rest), r4);
      storeTail(y + full, f32x4.mul(normalised, loadTail(weight + full, rest)), rest);
    }
    f32.store(inverse, r);
    x += stride;
    y += stride;
    inverse += 4;
  }
}

export function rmsNormGradient(
  dy: usize, x: usize, weight: usize, inverse: usize, dx: usize, dWeight: usize, rows: i32, width: i32,
): void {
  const full = <usize>(width & ~3) << 2;
  const rest = <usize>(width & 3);
  const stride = <usize>width << 2;
  const scale: f32 = 1 / <f32>width;
  memory.fill(dWeight, 0, stride);
  for (let row = 0; row < rows; row++) {
    const r4 = f32x4.splat(f32.load(inverse));
    let product = f32x4.splat(0);
    for (let i: usize = 0; i < full; i += 16) {
      const d = v128.load(dy + i);
      const normalised = f32x4.mul(v128.load(x + i), r4);
      product = f32x4.add(product, f32x4.mul(f32x4.mul(d, v128.load(weight + i)), normalised));
      v128.store(dWeight + i, f32x4.add(v128.load(dWeight + i), f32x4.mul(d, normalised)));
    }
    if (rest) {
      const d = loadTail(dy + full, rest);
      const normalised = f32x4.mul(loadTail(x + full, rest), r4);
      product = f32x4.add(product, f32x4.mul(f32x4.mul(d, loadTail(weight + full, rest)), normalised));
      storeTail(dWeight + full, f32x4.add(loadTail(dWeight + full, rest), f32x4.mul(d, normalised)), rest);
    }
    const mean = f32x4.splat(sumLanes(product) * scale);
    for (let i: usize = 0; i < full; i += 16) {
      const scaled = f32x4.mul(v128.load(dy + i), v128.load(weight + i));
      const normalised = f32x4.mul(v128.load(x + i), r4);
      v128.store(dx + i, f32x4.mul(r4, f32x4.sub(scaled, f32x4.mul(normalised, mean))));
    }
    if (rest) {
      const scaled = f32x4.mul(loadTail(dy + full, rest), loadTail(weight + full, rest));
      const normalised = f32x4.mul(loadTail(x + full, rest), r4);
      storeTail(dx + full, f32x4.mul(r4, f32x4.sub(scaled, f32x4.mul(normalised, mean))), rest);
    }
    dy += stride;
    x += stride;
    dx += stride;
    inverse += 4;
  }
}
