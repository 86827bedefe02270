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

/**
 * In groups: `vision`, `perceiver`, `decoder` and `gate` (the cross-attention blocks), each with a path for every layer;
 * `tokens` (the new rows of the token table); `idle`, which files have and nothing is computed with.
 */
export function flamingoParameters(config: FlamingoConfig): GroupedTensor[] {
  const { vision_config: vision, perceiver, text_config: text } = config;
  return [
    ...visionParameters(vision, VISION_PREFIX).map((tensor) => inVision(tensor, config)),
    ...perceiverParameters(perceiver, vision.hidden_size).map((tensor) =>
      inTower(tensor, { group: 'perceiver', layers: perceiver.depth }),
    ),
    ...tokenTable(config),
    ...llamaParameters(text, DECODER_PREFIX)
      .filter(({ key }) => key !== TOKEN_TABLE)
      .map((tensor) => inTower(tensor, { group: 'decoder', layers: text.num_hidden_layers })),
    ...gatedLayers(config).flatMap((layer) =>
      gatedBlock(layer, config).map((tensor) => ({ ...tensor, group: `gate/${layer}` })),
    ),
  ];
}

/** Without a post norm of its tokens, that of the tower is left out. */
function inVision(tensor: ParameterTensor, config: FlamingoConfig): GroupedTensor {
  const idle = !config.vision_tokens_post_norm && tensor.key.includes('.post_layernorm.');
  if (idle) return { ...tensor, group: 'idle' };
  return inTower(tensor, { group: 'vision', layers: config.vision_config.num_hidden_layers });
}

/** `vision/3` is layer 3, `vision/stem` what comes before the first, `vision/head` what comes after the last. */
function inTower(tensor: ParameterTensor, at: { group: string; layers: number }): GroupedTensor {
  const layer = /\.layers\.(\d+)\./.exec(tensor.key)?.[1];
  if (layer !== undefined) return { ...tensor, group: `${at.group}/${layer}`, depth: Number(layer) + 1 };
  const atTop = /post_layernorm|\.norm\.|lm_head/.test(tensor.key);
  return atTop
    ? { ...tensor, group: `${at.group}/head`, depth: at.layers + 1 }
    : { ...tensor, group: `${at.group}/stem`, depth: 0 };
}

/** Of the gated block before a decoder layer. */
export const gatedBlockName = (layer: number, prefix = DECODER_PREFIX): string =>
  `${prefix}model.layers.${layer}.gated_cross_attn_layer`;

function tokenTable(config: FlamingoConfig): GroupedTensor[] {
  const { hidden_size: width, vocab_size: tokens } = config.text_config;
  const old = oldTokens(config);
  return [
    { ...single(TOKEN_TABLE, [old, width]), group: 'decoder/stem', depth: 0 },
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
