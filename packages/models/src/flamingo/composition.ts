/**
 * A Flamingo from parts: a CLIP vision tower, a Llama decoder, and what OpenFlamingo saves (resampler, gated blocks, token
 * table), each under the names of its own file. Tensor-free.
 */
import type { WeightInMemory } from '../weights/weight-file.ts';
import { type FlamingoConfig, parseFlamingoConfig } from './config.ts';
import { DECODER_PREFIX, VISION_PREFIX } from './parameters.ts';

/** Configuration fields by the names of open_flamingo's arguments. */
export interface OpenFlamingoConfig {
  readonly cross_attn_every_n_layers: number;
  readonly media_token_id: number;
  readonly endofchunk_token_id: number;
  readonly only_attend_immediate_media?: boolean;
  readonly perceiver: OpenFlamingoAttention & { readonly depth: number; readonly num_latents: number };
  readonly gated_cross_attention: OpenFlamingoAttention;
}

interface OpenFlamingoAttention {
  readonly heads: number;
  readonly dim_head: number;
  readonly ff_mult: number;
}

/** @throws TriptychError MODEL_INVALID with every violation. */
export function composeConfig(
  open: OpenFlamingoConfig,
  towers: { readonly vision: unknown; readonly language: unknown },
): FlamingoConfig {
  const attention = ({ heads, dim_head, ff_mult }: OpenFlamingoAttention) => ({
    heads,
    head_dim: dim_head,
    ff_mult,
  });
  const { depth, num_latents: latents } = open.perceiver;
  return parseFlamingoConfig({
    cross_attn_every_n_layers: open.cross_attn_every_n_layers,
    media: open.only_attend_immediate_media === false ? 'all-previous' : 'immediate',
    image_token_id: open.media_token_id,
    end_of_chunk_token_id: open.endofchunk_token_id,
    perceiver: { ...attention(open.perceiver), depth, latents },
    cross_attention: attention(open.gated_cross_attention),
    vision_config: towers.vision,
    text_config: towers.language,
  });
}

/** `trained` wins where it and the decoder both have a tensor: it has the token table with the new rows. */
export function composeWeights(parts: {
  readonly vision: ReadonlyMap<string, WeightInMemory>;
  readonly language: ReadonlyMap<string, WeightInMemory>;
  readonly trained: ReadonlyMap<string, WeightInMemory>;
}): Map<string, WeightInMemory> {
  const tower = (name: string) =>
    `${VISION_PREFIX}${name.startsWith('vision_model.') ? '' : 'vision_model.'}${name}`;
  return new Map([
    ...[...parts.vision].map(([name, weight]) => [tower(name), weight] as const),
    ...[...parts.language].map(([name, weight]) => [`${DECODER_PREFIX}${name}`, weight] as const),
    ...parts.trained,
  ]);
}
