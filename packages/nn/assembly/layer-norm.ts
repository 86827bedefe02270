// LayerNorm over rows of `width` floats, any width. `mean` and `inverse` hold one float a row.
import { loadTail, storeTail, sumLanes, tailMask } from './vector';

export function layerNorm(
  x: usize, weight: usize, bias: usize, y: usize, mean: usize, inverse: usize,
  rows: i32, width: i32, epsilon: f32,
): void {
  const full = <usize>(width & ~3) << 2;
  const rest = <usize>(width & 3);
  const mask = tailMask(rest);
  const stride = <usize>width << 2;
  const scale: f32 = 1 / <f32>width;
  for (let row = 0; row < rows; row++) {
    let sum = f32x4.splat(0);
    for (let i: usize = 0; i < full; i += 16) sum = f32x4.add(sum, v128.load(x + i));
    if (rest) sum = f32x4.add(sum, loadTail(x + full, rest));
    const mu: f32 = sumLanes(sum) * scale;
    const mu4 = f32x4.splat(mu);
    let squares = f32x4.splat(0);
    for (let i: usize = 0; i < full; i += 16) {
      const centred = f32x4.sub(v128.load(x + i), mu4);
      squares = f32x4.add(squares, f32x4.mul(centred, centred));
    }
    if (rest) {
      const centred = v128.and(f32x4.sub(loadTail(x + full, rest), mu4), mask);
      squares = f32x4.add(squares, f32x4.mul(centred, centred));
    }
    const r: f32 = 1 / Mathf.sqrt(sumLanes(squares) * scale + epsilon);
    const r4 = f32x4.splat(r);
    for (let i: usize = 0; i < full; i += 16) {
      const normalised = f32x4.mul(f32x4.sub(v128.load(x + i), mu4), r4);
      v128.store(y + i, f32x4.add(f32x4.mul(normalised, v128.load(weight + i)), v128.load(bias + i)));
    }
    if (rest) {
      const normalised = f32x4.mul(f32x4.sub(loadTail(x + full, rest), mu4), r4);
      const scaled = f32x4.mul(normalised, loadTail(weight + full, rest));
      storeTail(y + full, f32x4.add(scaled, loadTail(bias + full, rest)), rest);
    }
    f32.store(mean, mu);
    f32.store(inverse, r);
    x += stride;
    y += stride;
    mean += 4;
    inverse += 4;
  }
}

export function layerNormGradient(
  dy: usize, x: usize, weight: usize, mean: usize, inverse: usize,
  dx: usize, dWeight: usize, dBias: usize, rows: i32, width: i32,
): void {
  const full = <usize>(width & ~3) << 2;
  const rest = <usize>(width & 3);
  const mask = tailMask(rest);
  const stride = <usize>width << 2;
  const scale: f32 = 1 / <f32>width;
  memory.fill(dWeight, 0, stride);
  memory.fill(dBias, 0, stride);
  for (let row = 0; row < rows; row++) {
    const mu4 = f32x4.splat(f32.load(mean));
    const r4 = f32x4.splat(f32.load(inverse));
    let sum = f32x4.splat(0);
    let product = f32x4.splat(0);
    for (let i: usize = 0; i < full; i += 16) {
      const d = v128.load(dy + i);
      const normalised = f32x4.mul(f32x4.sub(v128.load(x + i), mu4), r4);
      const scaled = f32x4.mul(d, v128.load(weight + i));
      sum = f32x4.add(sum, scaled);
      product = f32x4.add(product, f32x4.mul(scaled, normalised));
      v128.store(dWeight + i, f32x4.add(v128.load(dWeight + i), f32x4.mul(d, normalised)));
      v128.store(dBias + i, f32x4.add(v128.load(dBias + i), d));
    }
    if (rest) {
      const d = loadTail(dy + full, rest);
      const normalised = v128.and(f32x4.mul(f32x4.sub(loadTail(x + full, rest), mu4), r4), mask);
      const scaled = f32x4.mul(d, loadTail(weight + full, rest));
      sum = f32x4.add(sum, scaled);
      product = f32x4.add(product, f32x4.mul(scaled, normalised));
      storeTail(dWeight + full, f32x4.add(loadTail(dWeight + full, rest), f32x4.mul(d, normalised)), rest);
      storeTail(dBias + full, f32x4.add(loadTail(dBias + full, rest), d), rest);
    }
    const meanScaled = f32x4.splat(sumLanes(sum) * scale);
    const meanProduct = f32x4.splat(sumLanes(product) * scale);
    for (let i: usize = 0; i < full; i += 16) {
      const normalised = f32x4.mul(f32x4.sub(v128.load(x + i), mu4), r4);
      const centred = f32x4.sub(f32x4.mul(v128.load(dy + i), v128.load(weight + i)), meanScaled);
      v128.store(dx + i, f32x4.mul(r4, f32x4.sub(centred, f32x4.mul(normalised, meanProduct))));
    }
    if (rest) {
      const normalised = f32x4.mul(f32x4.sub(loadTail(x + full, rest), mu4), r4);
      const scaled = f32x4.mul(loadTail(dy + full, rest), loadTail(weight + full, rest));
      const centred = f32x4.sub(scaled, meanScaled);
      storeTail(dx + full, f32x4.mul(r4, f32x4.sub(centred, f32x4.mul(normalised, meanProduct))), rest);
    }
    dy += stride;
    x += stride;
    dx += stride;
    mean += 4;
    inverse += 4;
  }
}
