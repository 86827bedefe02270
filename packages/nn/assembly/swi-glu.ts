// SwiGLU over rows of 2 * width floats, gate | up.
import { exp4, loadTail, storeTail } from './vector';

export function swiGlu(gateUp: usize, y: usize, rows: i32, width: i32): void {
  const full = <usize>(width & ~3) << 2;
  const rest = <usize>(width & 3);
  const stride = <usize>width << 2;
  for (let row = 0; row < rows; row++) {
    const up = gateUp + stride;
    const turns = full & ~63;
    for (let i: usize = 0; i < turns; i += 64) {
      const g0 = v128.load(gateUp + i);
      const g1 = v128.load(gateUp + i, 16);
      const g2 = v128.load(gateUp + i, 32);
      const g3 = v128.load(gateUp + i, 48);
      v128.store(y + i, f32x4.mul(silu(g0), v128.load(up + i)));
      v128.store(y + i, f32x4.mul(silu(g1), v128.load(up + i, 16)), 16);
      v128.store(y + i, f32x4.mul(silu(g2), v128.load(up + i, 32)), 32);
      v128.store(y + i, f32x4.mul(silu(g3), v128.load(up + i, 48)), 48);
    }
    for (let i = turns; i < full; i += 16) {
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
    const turns = full & ~31;
    for (let i: usize = 0; i < turns; i += 32) {
      backward(dy + i, gateUp + i, up + i, dGateUp + i, dUp + i);
      backward(dy + i + 16, gateUp + i + 16, up + i + 16, dGateUp + i + 16, dUp + i + 16);
    }
    for (let i = turns; i < full; i += 16) backward(dy + i, gateUp + i, up + i, dGateUp + i, dUp + i);
    if (rest) {
      const gate = loadTail(gateUp + full, rest);
      const d = loadTail(dy + full, rest);
      const s = sigmoid(gate);
      storeTail(dUp + full, f32x4.mul(d, f32x4.mul(gate, s)), rest);
      storeTail(dGateUp + full, f32x4.mul(f32x4.mul(d, loadTail(up + full, rest)), slope(gate, s)), rest);
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
  return f32x4.div(x, f32x4.add(f32x4.splat(1), exp4(f32x4.neg(x))));
}

// @ts-ignore: decorator
@inline
function backward(dy: usize, gateAt: usize, upAt: usize, dGate: usize, dUp: usize): void {
  const gate = v128.load(gateAt);
  const d = v128.load(dy);
  const s = sigmoid(gate);
  v128.store(dUp, f32x4.mul(d, f32x4.mul(gate, s)));
  v128.store(dGate, f32x4.mul(f32x4.mul(d, v128.load(upAt)), slope(gate, s)));
}

/** The derivative of x s, s = sigmoid(x): s (1 + x (1 - s)). */
// @ts-ignore: decorator
@inline
function slope(x: v128, s: v128): v128 {
  return f32x4.mul(s, f32x4.add(f32x4.splat(1), f32x4.mul(x, f32x4.sub(f32x4.splat(1), s))));
}
