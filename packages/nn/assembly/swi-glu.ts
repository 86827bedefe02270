// SwiGLU over rows of 2 * width floats, gate | up.
import { exp4, loadTail, storeTail } from './vector';

export function swiGlu(gateUp: usize, y: usize, rows: i32, width: i32): void {
  const full = <usize>(width & ~3) << 2;
  const rest = <usize>(width & 3);
  const stride = <usize>width << 2;
  for (let row = 0; row < rows; row++) {
    const up = gateUp + stride;
    for (let i: usize = 0; i < full; i += 16) {
      v128.store(y + i, f32x4.mul(silu(v128.load(gateUp + i)), v128.load(up + i)));
    }
    if (rest) {
      storeTail(y + full, f32x4.mul(silu(loadTail(gateUp + full, rest)), loadTail(up + full, rest)), rest);
    }
    gateUp += 2 * stride;
    y += stride;
  }
}

export function swiGluGradient(dy: usize, gateUp: usize, dGateUp: usize, rows: i32, width: i32): void {
  const full = <usize>(width & ~3) << 2;
  const rest = <usize>(width & 3);
  const stride = <usize>width << 2;
  for (let row = 0; row < rows; row++) {
    const up = gateUp + stride;
    const dUp = dGateUp + stride;
    for (let i: usize = 0; i < full; i += 16) {
      const gate = v128.load(gateUp + i);
      const d = v128.load(dy + i);
      v128.store(dUp + i, f32x4.mul(d, silu(gate)));
      v128.store(dGateUp + i, f32x4.mul(f32x4.mul(d, v128.load(up + i)), slope(gate)));
    }
    if (rest) {
      const gate = loadTail(gateUp + full, rest);
      const d = loadTail(dy + full, rest);
      storeTail(dUp + full, f32x4.mul(d, silu(gate)), rest);
      storeTail(dGateUp + full, f32x4.mul(f32x4.mul(d, loadTail(up + full, rest)), slope(gate)), rest);
    }
    gateUp += 2 * stride;
    dGateUp += 2 * stride;
    dy += stride;
  }
}

// @ts-ignore: decorator
@inline
function sigmoid(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(x))));
}

// @ts-ignore: decorator
@inline
function silu(x: v128): v128 {
  return f32x4.mul(x, sigmoid(x));
}

/** s + x s (1 - s) */
// @ts-ignore: decorator
@inline
function slope(x: v128): v128 {
  const s = sigmoid(x);
  return f32x4.mul(s, f32x4.add(f32x4.splat(1), f32x4.mul(x, f32x4.sub(f32x4.splat(1), s))));
}
