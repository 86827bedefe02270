/**
 * Every parameter of a CLIP model: compute tensors in declaration order, and inside each the Hugging Face parameters it
 * packs. Tensor-free: the layout of the flat parameter buffer, the parameter count and the weight files all follow from it.
 */
import type { ClipConfig, ClipVisionConfig, TowerConfig } from './clip-config.ts';
import { elementCount, type ParameterTensor, single, stacked } from './parameter-tensor.ts';

/** All compute tensors of the model; a tensor's key is its Hugging Face name where it packs nothing. */
export function clipParameters(config: ClipConfig): ParameterTensor[] {
  const { text_config: text, vision_config: vision } = config;
  const scalars = ['logit_scale', ...(config.logit_bias_init_value === undefined ? [] : ['logit_bias'])];
  return [
    ...scalars.map((name) => single(name, [])),
    single('text_model.embeddings.token_embedding.weight', [text.vocab_size, text.hidden_size]),
    positions('text_model.embeddings.position_embedding.weight', [
      text.max_position_embeddings,
      text.hidden_size,
    ]),
    ...encoder('text_model.encoder', text),
    ...norm('text_model.final_layer_norm', text.hidden_size),
    ...visionParameters(vision),
    single('visual_projection.weight', [config.projection_dim, vision.hidden_size]),
    single('text_projection.weight', [config.projection_dim, text.hidden_size]),
    ...(config.id2label ? classifier(Object.keys(config.id2label).length, config.projection_dim) : []),
  ];
}

/** The image tower without what follows its post norm. `prefix` goes before every name. */
export function visionParameters(vision: ClipVisionConfig, prefix = ''): ParameterTensor[] {
  const name = `${prefix}vision_model`;
  const width = vision.hidden_size;
  const patches = (vision.image_size / vision.patch_size) ** 2;
  return [
    single(`${name}.embeddings.class_embedding`, [width]),
    patchEmbedding(`${name}.embeddings.patch_embedding.weight`, vision),
    positions(`${name}.embeddings.position_embedding.weight`, [patches + 1, width]),
    // The misspelling is Hugging Face's.
    ...norm(`${name}.pre_layrnorm`, width),
    ...encoder(`${name}.encoder`, vision),
    ...norm(`${name}.post_layernorm`, width),
  ];
}

export function parameterCount(config: ClipConfig): number {
  return elementCount(clipParameters(config));
}

/** The head over fixed classes: what a class is called is the configuration's `id2label`. */
const classifier = (classes: number, width: number) => linear(CLASSIFIER, [classes, width]);
export const CLASSIFIER = 'classifier';

/** A convolution kernel in files, a matrix over flattened patches in memory: the same numbers in the same order. */
function patchEmbedding(
  name: string,
  { hidden_size, num_channels, patch_size }: ClipVisionConfig,
): ParameterTensor {
  return {
    key: name,
    shape: [hidden_size, num_channels * patch_size ** 2],
    parts: [{ name, shape: [hidden_size, num_channels, patch_size, patch_size] }],
    decay: true,
  };
}

function encoder(prefix: string, tower: TowerConfig): ParameterTensor[] {
  return Array.from({ length: tower.num_hidden_layers }, (_, i) =>
    block(`${prefix}.layers.${i}`, tower),
  ).flat();
}

function block(
  prefix: string,
  { hidden_size: width, intermediate_size: inner }: TowerConfig,
): ParameterTensor[] {
  return [
    ...norm(`${prefix}.layer_norm1`, width),
    queryKeyValue(prefix, 'weight', [width, width]),
    queryKeyValue(prefix, 'bias', [width]),
    ...linear(`${prefix}.self_attn.out_proj`, [width, width]),
    ...norm(`${prefix}.layer_norm2`, width),
    ...linear(`${prefix}.mlp.fc1`, [inner, width]),
    ...linear(`${prefix}.mlp.fc2`, [width, inner]),
  ];
}

/** The three projections as one tensor, so that one matrix product computes them; files keep the three names. */
function queryKeyValue(prefix: string, kind: 'weight' | 'bias', shape: readonly number[]): ParameterTensor {
  const names = ['q_proj', 'k_proj', 'v_proj'].map((name) => `${prefix}.self_attn.${name}.${kind}`);
  return stacked(
    `${prefix}.self_attn.qkv_proj.${kind}`,
    names.map((name) => ({ name, shape })),
  );
}

const linear = (name: string, shape: readonly [number, number]) => [
  single(`${name}.weight`, shape),
  single(`${name}.bias`, [shape[0]]),
];

const norm = (name: string, width: number) => [
  single(`${name}.weight`, [width]),
  single(`${name}.bias`, [width]),
];

const positions = (name: string, shape: readonly number[]): ParameterTensor => ({
  ...single(name, shape),
  decay: false,
});
