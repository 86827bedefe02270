/** The CLIP models that can be trained without importing anything: two small ones and the four published sizes. */
import type { Activation, ClipConfig } from './clip-config.ts';

export interface Preset {
  readonly description: string;
  readonly config: ClipConfig;
}

interface TowerShape {
  readonly width: number;
  readonly layers: number;
  readonly heads: number;
}

interface PresetShape {
  readonly description: string;
  readonly projection: number;
  readonly activation?: Activation;
  readonly vision: TowerShape & { readonly patch: number; readonly image: number };
  readonly text: TowerShape & { readonly context: number; readonly vocabulary: number };
}

const preset = (shape: PresetShape): Preset => ({
  description: shape.description,
  config: {
    model_type: 'clip',
    projection_dim: shape.projection,
    logit_scale_init_value: 2.6592,
    text_config: {
      ...tower(shape.text, shape.activation ?? 'quick_gelu'),
      vocab_size: shape.text.vocabulary,
      max_position_embeddings: shape.text.context,
      // A CLIP vocabulary ends with the start and the end token.
      bos_token_id: shape.text.vocabulary - 2,
      eos_token_id: shape.text.vocabulary - 1,
    },
    vision_config: {
      ...tower(shape.vision, shape.activation ?? 'quick_gelu'),
      image_size: shape.vision.image,
      patch_size: shape.vision.patch,
      num_channels: 3,
    },
  },
});

const tower = (shape: TowerShape, activation: Activation) => ({
  hidden_size: shape.width,
  intermediate_size: 4 * shape.width,
  num_hidden_layers: shape.layers,
  num_attention_heads: shape.heads,
  hidden_act: activation,
  layer_norm_eps: 1e-5,
});

const published = { context: 77, vocabulary: 49_408 };

export const clipPresets: Readonly<Record<string, Preset>> = {
  'clip-tiny': preset({
    description: 'For tests: a quarter of a million parameters, 32-pixel images',
    projection: 32,
    vision: { width: 64, layers: 2, heads: 2, patch: 8, image: 32 },
    text: { width: 64, layers: 2, heads: 2, context: 16, vocabulary: 512 },
  }),
  'clip-small': preset({
    description: 'For the quickstart: trains from scratch in minutes on two cores, 64-pixel images',
    projection: 128,
    vision: { width: 128, layers: 4, heads: 4, patch: 16, image: 64 },
    text: { width: 128, layers: 3, heads: 4, context: 32, vocabulary: 1024 },
  }),
  'clip-vit-base-patch32': preset({
    description: 'ViT-B/32 as published with CLIP',
    projection: 512,
    vision: { width: 768, layers: 12, heads: 12, patch: 32, image: 224 },
    text: { width: 512, layers: 12, heads: 8, ...published },
  }),
  'clip-vit-base-patch16': preset({
    description: 'ViT-B/16 as published with CLIP',
    projection: 512,
    vision: { width: 768, layers: 12, heads: 12, patch: 16, image: 224 },
    text: { width: 512, layers: 12, heads: 8, ...published },
  }),
  'clip-vit-large-patch14': preset({
    description: 'ViT-L/14 as published with CLIP',
    projection: 768,
    vision: { width: 1024, layers: 24, heads: 16, patch: 14, image: 224 },
    text: { width: 768, layers: 12, heads: 12, ...published },
  }),
  'clip-vit-large-patch14-336': preset({
    description: 'ViT-L/14 at 336 pixels as published with CLIP',
    projection: 768,
    vision: { width: 1024, layers: 24, heads: 16, patch: 14, image: 336 },
    text: { width: 768, layers: 12, heads: 12, ...published },
  }),
};
