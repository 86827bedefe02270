// AdamW over vectors of floats, in place. Correctly rounded operations only: the same bits on every machine.

/** `count` is a multiple of 4. `shrink` is 1 - rate * decay, `stepSize` and `deviationScale` hold the bias corrections. */
export function adamw(
  parameters: usize, gradient: usize, first: usize, second: usize, count: i32,
  beta1: f32, oneLessBeta1: f32, beta2: f32, oneLessBeta2: f32,
  epsilon: f32, shrink: f32, stepSize: f32, deviationScale: f32,
): void {
  const b1 = f32x4.splat(beta1);
  const c1 = f32x4.splat(oneLessBeta1);
  const b2 = f32x4.splat(beta2);
  const c2 = f32x4.splat(oneLessBeta2);
  const e = f32x4.splat(epsilon);
  const keep = f32x4.splat(shrink);
  const step = f32x4.splat(stepSize);
  const scale = f32x4.splat(deviationScale);
  const bytes = <usize>count << 2;
  for (let i: usize = 0; i < bytes; i += 16) {
    const g = v128.load(gradient + i);
    const m = f32x4.add(f32x4.mul(b1, v128.load(first + i)), f32x4.mul(c1, g));
    const v = f32x4.add(f32x4.mul(b2, v128.load(second + i)), f32x4.mul(f32x4.mul(c2, g), g));
    v128.store(first + i, m);
    v128.store(second + i, v);
    const deviation = f32x4.add(f32x4.mul(f32x4.sqrt(v), scale), e);
    const change = f32x4.div(f32x4.mul(step, m), deviation);
    v128.store(parameters + i, f32x4.sub(f32x4.mul(v128.load(parameters + i), keep), change));
  }
}
