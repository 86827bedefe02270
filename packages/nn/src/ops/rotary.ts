/** Rotary position embedding (https://arxiv.org/abs/2104.09864) in the half-split layout of Llama. */
import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import { kernels, type RotaryTable } from '../kernels/kernels.ts';
import type { Tensor3D } from '../tensorflow.ts';

/** How fast the pairs of a head turn: `theta^(-2i/headDim)`, rounded to float32 as in Hugging Face. */
export function rotaryFrequencies(headDim: number, theta: number): Float32Array {
  assert(headDim % 2 === 0, `rotaryFrequencies: a head of ${headDim} has no pairs`);
  return Float32Array.from({ length: headDim / 2 }, (_, i) => 1 / theta ** ((2 * i) / headDim));
}

/**
 * The angles of every position (`[B*T]`, or `[T]` for all sequences alike) at the frequencies of a head's pairs, rounded to
 * float32 where the Hugging Face implementation rounds them. `scale` lengthens what is rotated (YaRN).
 */
export function rotaryTable(options: {
  readonly positions: ArrayLike<number>;
  readonly frequencies: Float32Array;
  readonly scale?: number;
}): RotaryTable {
  const { positions, frequencies, scale = 1 } = options;
  const half = frequencies.length;
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(positions.length * half);
  for (let at = 0; at < cos.length; at++) {
    const angle = Math.fround(positions[Math.floor(at / half)]! * frequencies[at % half]!);
    cos[at] = scale * Math.cos(angle);
    sin[at] = scale * Math.sin(angle);
  }
  return { cos, sin, headDim: 2 * half };
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
