/**
 * How fast the pairs of a head turn, with the published ways to scale rotary positions: linear, dynamic (within the trained
 * context), Llama 3's (https://arxiv.org/abs/2407.21783) and YaRN (https://arxiv.org/abs/2309.00071), as in Hugging Face
 * (`modeling_rope_utils.py`).
 */
import { rotaryFrequencies } from '@triptych/nn';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import type { Llama3Scaling, YarnScaling } from '../catalog/rope-scaling.ts';

export interface RotaryFrequencies {
  /** One for each pair of a head. */
  readonly frequencies: Float32Array;
  /** Factor on sines and cosines. */
  readonly scale: number;
}

export function frequenciesOf({ head_dim, rope_theta, rope_scaling }: LlamaConfig): RotaryFrequencies {
  const plain = rotaryFrequencies(head_dim, rope_theta);
  switch (rope_scaling?.rope_type) {
    case 'linear':
      return { frequencies: plain.map((one) => one / rope_scaling.factor), scale: 1 };
    case 'llama3':
      return { frequencies: llama3(plain, rope_scaling), scale: 1 };
    case 'yarn':
      return { frequencies: yarn(plain, rope_theta, rope_scaling), scale: yarnScale(rope_scaling) };
    // Dynamic scaling begins where the trained context ends.
    default:
      return { frequencies: plain, scale: 1 };
  }
}

/** Slow pairs turn `factor` times slower, fast ones as they were; what lies between, in between. */
function llama3(frequencies: Float32Array, scaling: Llama3Scaling): Float32Array {
  const { factor, low_freq_factor: low, high_freq_factor: high } = scaling;
  const context = scaling.original_max_position_embeddings;
  return frequencies.map((frequency) => {
    const wavelength = (2 * Math.PI) / frequency;
    if (wavelength < context / high) return frequency;
    if (wavelength > context / low) return frequency / factor;
    const smooth = (context / wavelength - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

function yarn(frequencies: Float32Array, theta: number, scaling: YarnScaling): Float32Array {
  const pairs = frequencies.length;
  const { factor, beta_fast, beta_slow, truncate = true } = scaling;
  // The pair that turns that many times in the original context.
  const pairOf = (turns: number) =>
    (pairs * Math.log(scaling.original_max_position_embeddings / (turns * 2 * Math.PI))) / Math.log(theta);
  const [first, last] = [pairOf(beta_fast ?? 32), pairOf(beta_slow ?? 1)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, 2 * pairs - 1);
  const width = low === high ? 0.001 : high - low;
  return frequencies.map((frequency, pair) => {
    const interpolated = Math.min(1, Math.max(0, (pair - low) / width));
    return (frequency / factor) * interpolated + frequency * (1 - interpolated);
  });
}

function yarnScale({ factor, attention_factor, mscale, mscale_all_dim }: YarnScaling): number {
  const scaleOf = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  if (attention_factor !== undefined) return attention_factor;
  return mscale && mscale_all_dim ? scaleOf(mscale) / scaleOf(mscale_all_dim) : scaleOf(1);
}
