/** Names of CLIP weights: Hugging Face's `CLIPModel`, and OpenAI's as open_clip writes them. Tensor-free. */
import type { Dialect, NamePair } from '../dialect.ts';

/** `CLIPModel` of transformers, from version 4 on; canonical. The head over fixed classes is ours. */
export const huggingFaceClip: Dialect = {
  name: 'CLIPModel',
  pairs: ['logit_scale', 'logit_bias', 'text_projection.weight', 'visual_projection.weight']
    .concat('text_model.{rest}', 'vision_model.{rest}', 'classifier.{kind}')
    .map((name) => ({ file: name, ours: name })),
  ignored: ['text_model.embeddings.position_ids', 'vision_model.embeddings.position_ids'],
  leftOut: ['classifier.{kind}'],
};

const attention = (block: string, ours: string): NamePair => ({
  file: `${block}.attn.in_proj_{kind}`,
  ours: ['q_proj', 'k_proj', 'v_proj'].map((part) => `${ours}.self_attn.${part}.{kind}`),
});

const blocks = (file: string, ours: string): NamePair[] => [
  attention(`${file}.resblocks.{i}`, `${ours}.encoder.layers.{i}`),
  ...[
    ['attn.out_proj', 'self_attn.out_proj'],
    ['ln_1', 'layer_norm1'],
    ['ln_2', 'layer_norm2'],
    ['mlp.c_fc', 'mlp.fc1'],
    ['mlp.c_proj', 'mlp.fc2'],
  ].map(([theirs, name]) => ({
    file: `${file}.resblocks.{i}.${theirs}.{kind}`,
    ours: `${ours}.encoder.layers.{i}.${name}.{kind}`,
  })),
];

const image: readonly NamePair[] = [
  { file: 'visual.class_embedding', ours: 'vision_model.embeddings.class_embedding' },
  { file: 'visual.conv1.weight', ours: 'vision_model.embeddings.patch_embedding.weight' },
  { file: 'visual.positional_embedding', ours: 'vision_model.embeddings.position_embedding.weight' },
  { file: 'visual.ln_pre.{kind}', ours: 'vision_model.pre_layrnorm.{kind}' },
  ...blocks('visual.transformer', 'vision_model'),
  { file: 'visual.ln_post.{kind}', ours: 'vision_model.post_layernorm.{kind}' },
  { file: 'visual.proj', ours: 'visual_projection.weight', transposed: true },
];

const text = (prefix: string): NamePair[] => [
  { file: `${prefix}token_embedding.weight`, ours: 'text_model.embeddings.token_embedding.weight' },
  { file: `${prefix}positional_embedding`, ours: 'text_model.embeddings.position_embedding.weight' },
  ...blocks(`${prefix}transformer`, 'text_model'),
  { file: `${prefix}ln_final.{kind}`, ours: 'text_model.final_layer_norm.{kind}' },
  { file: `${prefix}text_projection`, ours: 'text_projection.weight', transposed: true },
];

const scalars: readonly NamePair[] = ['logit_scale', 'logit_bias'].map((name) => ({
  file: name,
  ours: name,
}));

/** OpenAI's `CLIP` and open_clip's. */
export const openAiClip: Dialect = {
  name: 'OpenAI and open_clip',
  pairs: [...scalars, ...image, ...text('')],
  // What OpenAI's archives have besides parameters.
  ignored: ['attn_mask', 'input_resolution', 'context_length', 'vocab_size'],
};

/** open_clip's `CustomTextCLIP`. */
export const customTextClip: Dialect = {
  name: 'open_clip with a text tower of its own',
  pairs: [
    ...scalars,
    ...image,
    ...text('text.'),
    { file: 'text.text_projection.weight', ours: 'text_projection.weight' },
  ],
  ignored: ['text.attn_mask', 'attn_mask'],
};

export const clipDialects: readonly Dialect[] = [huggingFaceClip, openAiClip, customTextClip];
