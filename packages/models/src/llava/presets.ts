/** The LLaVA models known by name: three that train from nothing, and the two published with LLaVA-1.5. */
import { type LlavaConfig, parseLlavaConfig } from './config.ts';

export interface LlavaPreset {
  readonly description: string;
  readonly config: LlavaConfig;
}

interface Shape {
  readonly description: string;
  readonly vision: {
    readonly width: number;
    readonly inner: number;
    readonly layers: number;
    readonly heads: number;
    readonly patch: number;
    readonly image: number;
  };
  readonly text: {
    readonly width: number;
    readonly inner: number;
    readonly layers: number;
    readonly heads: number;
    readonly keyValueHeads: number;
    readonly vocabulary: number;
    readonly context: number;
  };
  readonly imageToken: number;
  readonly padToken: number;
  /** -2 where a tower was pretrained with CLIP, whose last block serves the class token; -1 where it is not. */
  readonly featureLayer: number;
}

const preset = ({ description, vision, text, ...shape }: Shape): LlavaPreset => ({
  description,
  config: parseLlavaConfig({
    model_type: 'llava',
    image_token_index: shape.imageToken,
    vision_feature_layer: shape.featureLayer,
    pad_token_id: shape.padToken,
    text_config: {
      model_type: 'llama',
      hidden_size: text.width,
      intermediate_size: text.inner,
      num_hidden_layers: text.layers,
      num_attention_heads: text.heads,
      num_key_value_heads: text.keyValueHeads,
      vocab_size: text.vocabulary,
      max_position_embeddings: text.context,
      rms_norm_eps: 1e-5,
      bos_token_id: 1,
      eos_token_id: 2,
      pad_token_id: shape.padToken,
    },
    vision_config: {
      model_type: 'clip_vision_model',
      hidden_size: vision.width,
      intermediate_size: vision.inner,
      num_hidden_layers: vision.layers,
      num_attention_heads: vision.heads,
      image_size: vision.image,
      patch_size: vision.patch,
    },
  }),
});

/** ViT-L/14 of CLIP at 336 pixels. */
const large = { width: 1024, inner: 4096, layers: 24, heads: 16, patch: 14, image: 336 };
/** Vicuna's vocabulary with the image token, the padding token, and rows up to a multiple of 64. */
const vicuna = { vocabulary: 32_064, context: 4096 };
const published = { imageToken: 32_000, padToken: 32_001, featureLayer: -2 };

/** Where a vocabulary that was learnt has them: see files.ts. */
const learnt = { imageToken: 4, padToken: 3 };

/** What the presets of a few million parameters share. */
const small = {
  vision: { width: 128, inner: 512, layers: 4, heads: 4, image: 64 },
  text: { width: 128, inner: 344, layers: 4, heads: 4, keyValueHeads: 4, vocabulary: 1024, context: 256 },
  ...learnt,
  featureLayer: -1,
};

export const llavaPresets: Readonly<Record<string, LlavaPreset>> = {
  'llava-tiny': preset({
    description: 'For tests: 32-pixel images of 16 tokens, a quarter of a million parameters',
    vision: { width: 64, inner: 256, layers: 2, heads: 2, patch: 8, image: 32 },
    text: { width: 64, inner: 172, layers: 2, heads: 4, keyValueHeads: 2, vocabulary: 512, context: 256 },
    ...learnt,
    featureLayer: -1,
  }),
  'llava-small': preset({
    description: 'Trains from scratch in minutes on two cores: 64-pixel images of 16 tokens',
    ...small,
    vision: { ...small.vision, patch: 16 },
  }),
  'llava-small-patch8': preset({
    description: 'llava-small with patches of 8 pixels, 64 image tokens: for what is small in a picture',
    ...small,
    vision: { ...small.vision, patch: 8 },
  }),
  'llava-1.5-7b': preset({
    description: 'LLaVA-1.5-7B as published: ViT-L/14 at 336 pixels, Vicuna-7B',
    vision: large,
    text: { width: 4096, inner: 11_008, layers: 32, heads: 32, keyValueHeads: 32, ...vicuna },
    ...published,
  }),
  'llava-1.5-13b': preset({
    description: 'LLaVA-1.5-13B as published: ViT-L/14 at 336 pixels, Vicuna-13B',
    vision: large,
    text: { width: 5120, inner: 13_824, layers: 40, heads: 40, keyValueHeads: 40, ...vicuna },
    ...published,
  }),
};
