/** Shape and parameters of a Perceiver resampler under OpenFlamingo's names. Tensor-free. */
import { type Static, Type } from 'typebox';
import { size } from '../catalog/config-file.ts';
import { type ParameterTensor, single } from '../catalog/parameter-tensor.ts';

export const PerceiverConfig = Type.Object({
  depth: size(256),
  /** Rows that stand for one image, whatever its number of patches. */
  latents: size(65_536),
  heads: size(1024),
  head_dim: size(1024),
  /** Width of the feed-forward layer, in widths of the vision tower. */
  ff_mult: size(64),
  /** Frames of an image that have an embedding each; absent: frames are not told apart. */
  max_frames: Type.Optional(size(65_536)),
  /** Images of a text that have an embedding each; absent: images do not know their place. */
  max_media: Type.Optional(size(65_536)),
});
export type PerceiverConfig = Static<typeof PerceiverConfig>;

/** `width`: of the image features that come in, and of the latents that come out. */
export function perceiverParameters(
  config: PerceiverConfig,
  width: number,
  prefix = 'perceiver',
): ParameterTensor[] {
  const { depth, latents, max_frames, max_media } = config;
  return [
    table(`${prefix}.latents`, [latents, width]),
    ...(max_frames === undefined ? [] : [table(`${prefix}.frame_embs`, [max_frames, width])]),
    ...(max_media === undefined ? [] : [table(`${prefix}.media_time_embs`, [max_media, 1, width])]),
    ...Array.from({ length: depth }, (_, i) => layer(`${prefix}.layers.${i}`, config, width)).flat(),
    ...norm(`${prefix}.norm`, width),
  ];
}

function layer(prefix: string, config: PerceiverConfig, width: number): ParameterTensor[] {
  const inner = config.heads * config.head_dim;
  return [
    ...norm(`${prefix}.0.norm_media`, width),
    ...norm(`${prefix}.0.norm_latents`, width),
    single(`${prefix}.0.to_q.weight`, [inner, width]),
    single(`${prefix}.0.to_kv.weight`, [2 * inner, width]),
    single(`${prefix}.0.to_out.weight`, [width, inner]),
    ...feedForwardParameters(`${prefix}.1`, width, config.ff_mult),
  ];
}

/** Norm, wide layer and narrow layer; position 2 of the sequence is the GELU. */
export const feedForwardParameters = (prefix: string, width: number, multiple: number): ParameterTensor[] => [
  ...norm(`${prefix}.0`, width),
  single(`${prefix}.1.weight`, [multiple * width, width]),
  single(`${prefix}.3.weight`, [width, multiple * width]),
];

export const norm = (name: string, width: number): ParameterTensor[] => [
  single(`${name}.weight`, [width]),
  single(`${name}.bias`, [width]),
];

/** What is looked up is not decayed, as position tables are not. */
const table = (name: string, shape: readonly number[]): ParameterTensor => ({
  ...single(name, shape),
  decay: false,
});
