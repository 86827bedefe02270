/** Rotary position embedding (https://arxiv.org/abs/2104.09864) in the half-split layout of Llama. */
import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { kernels, type RotaryTable } from '../kernels/kernels.ts';
import type { Tensor3D } from '../tensorflow.ts';

/**
 * The angles `position * theta^(-2i/headDim)` of every position (`[B*T]`, or `[T]` for all sequences alike), rounded
 * to float32 where the Hugging Face implementation rounds: its frequencies, then its angles.
 */
export function rotaryTable(options: {
  readonly positions: ArrayLike<number>;
  readonly headDim: number;
  readonly theta: number;
}): RotaryTable {
  const { positions, headDim, theta } = options;
  assert(headDim % 2 === 0, `rotaryTable: a head of ${headDim} has no pairs`);
  const half = headDim / 2;
  const frequencies = Float32Array.from({ length: half }, (_, i) => 1 / theta ** ((2 * i) / headDim));
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(positions.length * half);
  for (let at = 0; at < cos.length; at++) {
    const angle = Math.fround(positions[Math.floor(at / half)]! * frequencies[at % half]!);
    cos[at] = Math.cos(angle);
    sin[at] = Math.sin(angle);
  }
  return { cos, sin, headDim };
}

/**
 * `x[B,T,W]` with its first `heads` heads rotated by their position; the rest is copied. With packed `qkv`, these are
 * the heads of queries and keys: `heads + keyValueHeads`.
 */
export function rotate(x: Tensor3D, { table, heads }: { table: RotaryTable; heads: number }): Tensor3D {
  const [batch, length, width] = x.shape;
  const rows = table.cos.length / (table.headDim / 2);
  assert(rows === length || rows === batch * length, `rotate: ${rows} positions for x [${x.shape}]`);
  assert(heads * table.headDim <= width, `rotate: ${heads} heads of ${table.headDim} in x [${x.shape}]`);
  return differentiable({
    inputs: { x },
    forward: () => kernels().rotate(x, { table, heads, inverse: false }),
    gradients: (dy) => ({ x: () => kernels().rotate(dy as Tensor3D, { table, heads, inverse: true }) }),
  }) as Tensor3D;
}
