/**
 * Every parameter of a Flamingo and the group it belongs to. Names are OpenFlamingo's, with the vision tower at
 * `vision_encoder.` and the decoder at `lang_encoder.` under their Hugging Face names. Tensor-free.
 */
import { visionParameters } from '../catalog/clip-parameters.ts';
import { llamaParameters } from '../catalog/llama-parameters.ts';
import { type ParameterTensor, single } from '../catalog/parameter-tensor.ts';
import type { GroupedTensor } from '../grouped-tensor.ts';
import { feedForwardParameters, norm, perceiverParameters } from '../perceiver/perceiver-parameters.ts';
import { type FlamingoConfig, gatedLayers, oldTokens } from './config.ts';

export const VISION_PREFIX = 'vision_encoder.';
export const DECODER_PREFIX = 'lang_encoder.';
/** The rows that the language model had; files have them and the new ones in one table of this name. */
export const TOKEN_TABLE = `${DECODER_PREFIX}model.embed_tokens.weight`;
/** The rows after them. They are a tensor of their own so that they can be trained beside a frozen table. */
export const NEW_TOKEN_ROWS = `${DECODER_PREFIX}model.embed_tokens.new_rows`;

/** OpenFlamingo trains `perceiver`, `gate` (the cross-attention blocks) and `tokens` (the new rows of the token table). */
export type FlamingoGroup = 'vision' | 'perceiver' | 'tokens' | 'gate' | 'decoder';

export function flamingoParameters(config: FlamingoConfig): GroupedTensor[] {
  const { vision_config: vision, perceiver, text_config: text } = config;
  const inGroup = (group: FlamingoGroup) => (tensor: ParameterTensor) => ({ ...tensor, group });
  return [
    ...visionParameters(vision, VISION_PREFIX).map(inGroup('vision')),
    ...perceiverParameters(perceiver, vision.hidden_size).map(inGroup('perceiver')),
    ...tokenTable(config),
    ...llamaParameters(text, DECODER_PREFIX)
      .filter(({ key }) => key !== TOKEN_TABLE)
      .map(inGroup('decoder')),
    ...gatedLayers(config).flatMap((layer) => gatedBlock(layer, config).map(inGroup('gate'))),
  ];
}

/** Of the gated block before a decoder layer. */
export const gatedBlockName = (layer: number, prefix = DECODER_PREFIX): string =>
  `${prefix}model.layers.${layer}.gated_cross_attn_layer`;

function tokenTable(config: FlamingoConfig): GroupedTensor[] {
  const { hidden_size: width, vocab_size: tokens } = config.text_config;
  const old = oldTokens(config);
  return [
    { ...single(TOKEN_TABLE, [old, width]), group: 'decoder' },
    // Most rows have no gradient in a step; decay would wear them away (OpenFlamingo decays the gated blocks alone).
    { ...single(NEW_TOKEN_ROWS, [tokens - old, width]), group: 'tokens', decay: false },
  ];
}

function gatedBlock(layer: number, config: FlamingoConfig): ParameterTensor[] {
  const { heads, head_dim, ff_mult } = config.cross_attention;
  const width = config.text_config.hidden_size;
  const inner = heads * head_dim;
  const name = gatedBlockName(layer);
  return [
    single(`${name}.attn_gate`, [1]),
    single(`${name}.ff_gate`, [1]),
    ...norm(`${name}.attn.norm`, width),
    single(`${name}.attn.to_q.weight`, [inner, width]),
    single(`${name}.attn.to_kv.weight`, [2 * inner, config.vision_config.hidden_size]),
    single(`${name}.attn.to_out.weight`, [width, inner]),
    ...feedForwardParameters(`${name}.ff`, width, ff_mult),
  ];
}
