// GELU in its three forms, forward and backward, over `count` floats.
import { exp4, loadTail, storeTail } from './vector';

const QUICK: i32 = 0;
const ERF: i32 = 1;

export function gelu(x: usize, y: usize, count: i32, kind: i32): void {
  if (kind == QUICK) forward(x, y, count, QUICK);
  else if (kind == ERF) forward(x, y, count, ERF);
  else forward(x, y, count, 2);
}

/** `y` is gelu(x): divided by x it is the sigmoid or the cumulative normal distribution, without another exponential. */
export function geluGradient(dy: usize, x: usize, y: usize, dx: usize, count: i32, kind: i32): void {
  if (kind == QUICK) backward(dy, x, y, dx, count, QUICK);
  else if (kind == ERF) backward(dy, x, y, dx, count, ERF);
  else backward(dy, x, y, dx, count, 2);
}

// @ts-ignore: decorator
@inline
function forward(x: usize, y: usize, count: i32, kind: i32): void {
  const end = x + (<usize>(count & ~3) << 2);
  // Four vectors a turn: the constants of the exponential are then loaded once for all of them, half of its time.
  const wholeTurns = x + (<usize>(count & ~15) << 2);
  while (x < wholeTurns) {
    const x0 = v128.load(x);
    const x1 = v128.load(x, 16);
    const x2 = v128.load(x, 32);
    const x3 = v128.load(x, 48);
    v128.store(y, value(x0, kind));
    v128.store(y, value(x1, kind), 16);
    v128.store(y, value(x2, kind), 32);
    v128.store(y, value(x3, kind), 48);
    x += 64;
    y += 64;
  }
  while (x < end) {
    v128.store(y, value(v128.load(x), kind));
    x += 16;
    y += 16;
  }
  const rest = <usize>(count & 3);
  if (rest) storeTail(y, value(loadTail(x, rest), kind), rest);
}

// @ts-ignore: decorator
@inline
function backward(dy: usize, x: usize, y: usize, dx: usize, count: i32, kind: i32): void {
  const end = x + (<usize>(count & ~3) << 2);
  const wholeTurns = x + (<usize>(count & ~15) << 2);
  while (x < wholeTurns) {
    const d0 = slope(v128.load(x), v128.load(y), kind);
    const d1 = slope(v128.load(x, 16), v128.load(y, 16), kind);
    const d2 = slope(v128.load(x, 32), v128.load(y, 32), kind);
    const d3 = slope(v128.load(x, 48), v128.load(y, 48), kind);
    v128.store(dx, f32x4.mul(v128.load(dy), d0));
    v128.store(dx, f32x4.mul(v128.load(dy, 16), d1), 16);
    v128.store(dx, f32x4.mul(v128.load(dy, 32), d2), 32);
    v128.store(dx, f32x4.mul(v128.load(dy, 48), d3), 48);
    dy += 64;
    x += 64;
    y += 64;
    dx += 64;
  }
  while (x < end) {
    v128.store(dx, f32x4.mul(v128.load(dy), slope(v128.load(x), v128.load(y), kind)));
    dy += 16;
    x += 16;
    y += 16;
    dx += 16;
  }
  const rest = <usize>(count & 3);
  if (rest) storeTail(dx, f32x4.mul(loadTail(dy, rest), slope(loadTail(x, rest), loadTail(y, rest), kind)), rest);
}

// @ts-ignore: decorator
@inline
function value(x: v128, kind: i32): v128 {
  if (kind == QUICK) return f32x4.div(x, f32x4.add(f32x4.splat(1), exp4(f32x4.mul(x, f32x4.splat(-1.702)))));
  if (kind == ERF) return f32x4.mul(x, cumulative4(x, density4(x)));
  return f32x4.mul(x, sigmoid4(tanhArgument(x)));
}

// @ts-ignore: decorator
@inline
function slope(x: v128, y: v128, kind: i32): v128 {
  const one = f32x4.splat(1);
  // y = x s. Next to zero s is a half, and the quotient would lose digits or be none.
  const small = f32x4.lt(f32x4.abs(x), f32x4.splat(1e-30));
  const s = v128.bitselect(f32x4.splat(0.5), f32x4.div(y, x), small);
  if (kind == ERF) return f32x4.add(s, f32x4.mul(f32x4.mul(x, f32x4.splat(0.3989422804)), density4(x)));
  // s = sigmoid(z), and y' = s + x s (1 - s) z'.
  const slopeOfZ = kind == QUICK ? f32x4.splat(1.702) : tanhArgumentSlope(x);
  return f32x4.add(s, f32x4.mul(f32x4.mul(y, slopeOfZ), f32x4.sub(one, s)));
}

// @ts-ignore: decorator
@inline
function sigmoid4(z: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(z))));
}

/** 2 sqrt(2/pi) (x + 0.044715 x^3): 0.5 (1 + tanh(u)) is sigmoid(2u). */
// @ts-ignore: decorator
@inline
function tanhArgument(x: v128): v128 {
  const inner = f32x4.add(f32x4.splat(1), f32x4.mul(f32x4.splat(0.044715), f32x4.mul(x, x)));
  return f32x4.mul(f32x4.splat(1.5957691216), f32x4.mul(x, inner));
}

// @ts-ignore: decorator
@inline
function tanhArgumentSlope(x: v128): v128 {
  const inner = f32x4.add(f32x4.splat(1), f32x4.mul(f32x4.splat(0.134145), f32x4.mul(x, x)));
  return f32x4.mul(f32x4.splat(1.5957691216), inner);
}

/** exp(-x^2 / 2): the normal density without its factor. */
// @ts-ignore: decorator
@inline
function density4(x: v128): v128 {
  return exp4(f32x4.mul(f32x4.splat(-0.5), f32x4.mul(x, x)));
}

/**
 * The cumulative normal distribution within 1e-7, from Abramowitz and Stegun 7.1.26 for erf(|x| / sqrt 2), whose
 * exponential is the density that the slope needs as well.
 */
// @ts-ignore: decorator
@inline
function cumulative4(x: v128, exponential: v128): v128 {
  const one = f32x4.splat(1);
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.7071067812));
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(f32x4.splat(0.3275911), z)));
  let p = f32x4.splat(1.061405429);
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-1.453152027));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(1.421413741));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(-0.284496736));
  p = f32x4.add(f32x4.mul(p, t), f32x4.splat(0.254829592));
  const upperTail = f32x4.mul(f32x4.splat(0.5), f32x4.mul(f32x4.mul(p, t), exponential));
  return v128.bitselect(upperTail, f32x4.sub(one, upperTail), f32x4.lt(x, f32x4.splat(0)));
}
