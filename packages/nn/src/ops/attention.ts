/** Scaled dot-product attention, to itself or to other positions. The scale is `headDim^-0.5`. */
import assert from 'node:assert';
import { differentiable } from '../autodiff/tape.ts';
import type { AttentionMask } from '../kernels/attention-mask.ts';
import { type AttentionSettings, kernels } from '../kernels/kernels.ts';
import type { Tensor3D } from '../tensorflow.ts';

export interface AttentionOptions {
  readonly heads: number;
  /** Fewer than `heads`: grouped-query attention, where neighbouring query heads share keys and values. */
  readonly keyValueHeads?: number;
  readonly mask: AttentionMask;
}

/** `qkv[B,T,(H+2K)d]`, queries, keys and values of every position side by side, to `[B,T,Hd]`. */
export function attention(qkv: Tensor3D, { heads, keyValueHeads = heads, mask }: AttentionOptions): Tensor3D {
  const [batch, length, width] = qkv.shape;
  const allHeads = heads + 2 * keyValueHeads;
  assert(width % allHeads === 0, `attention: a width of ${width} is not divided by ${allHeads} heads`);
  const settings = settingsOf({ heads, keyValueHeads, mask, blind: 'zero' });
  assertMaskFits(mask, { batch, queries: length, keys: length });
  return differentiable({
    inputs: { qkv },
    forward: (save) => {
      const { output, saved } = kernels().attention([qkv], settings);
      save(qkv, ...saved);
      return output;
    },
    gradients: (dy, [savedQkv, ...saved]) => ({
      qkv: () => {
        const inputs = { projections: [savedQkv as Tensor3D] as const, saved };
        return kernels().attentionGradient(dy as Tensor3D, inputs, settings)[0]!;
      },
    }),
  }) as Tensor3D;
}

export interface CrossAttentionOptions extends AttentionOptions {
  /** What a query that sees no key gets: zeros (the default), or the mean over all values. */
  readonly blind?: AttentionSettings['blind'];
}

/** Queries `q[B,Tq,Hd]` over the keys and values `kv[B,Tk,2Kd]` (keys | values) of other positions, to `[B,Tq,Hd]`. */
export function crossAttention(q: Tensor3D, kv: Tensor3D, options: CrossAttentionOptions): Tensor3D {
  const { heads, keyValueHeads = heads, mask, blind = 'zero' } = options;
  const headDim = q.shape[2] / heads;
  const fits = q.shape[0] === kv.shape[0] && kv.shape[2] === 2 * keyValueHeads * headDim;
  assert(fits, `crossAttention: q [${q.shape}] and kv [${kv.shape}] for ${heads}/${keyValueHeads} heads`);
  assertMaskFits(mask, { batch: q.shape[0], queries: q.shape[1], keys: kv.shape[1] });
  const settings = settingsOf({ heads, keyValueHeads, mask, blind });
  return differentiable({
    inputs: { q, kv },
    forward: (save) => {
      const { output, saved } = kernels().attention([q, kv], settings);
      save(q, kv, ...saved);
      return output;
    },
    gradients: (dy, [savedQ, savedKv, ...saved]) => {
      const inputs = { projections: [savedQ as Tensor3D, savedKv as Tensor3D] as const, saved };
      const [dQ, dKv] = kernels().attentionGradient(dy as Tensor3D, inputs, settings) as [Tensor3D, Tensor3D];
      return { q: () => dQ, kv: () => dKv };
    },
  }) as Tensor3D;
}

function settingsOf(settings: AttentionSettings): AttentionSettings {
  const { heads, keyValueHeads } = settings;
  assert(
    heads % keyValueHeads === 0,
    `attention: ${heads} heads cannot share ${keyValueHeads} of keys and values`,
  );
  return settings;
}

function assertMaskFits(
  mask: AttentionMask,
  { batch, queries, keys }: { batch: number; queries: number; keys: number },
): void {
  if (mask === 'full') return;
  if (mask === 'causal')
    assert(queries === keys, `attention: a causal mask over ${queries} queries, ${keys} keys`);
  else {
    const fits = mask.batch === batch && mask.queries === queries && mask.keys === keys;
    assert(
      fits,
      `attention: a mask for [${mask.batch}, ${mask.queries}, ${mask.keys}] on [${batch}, ${queries}, ${keys}]`,
    );
  }
}
