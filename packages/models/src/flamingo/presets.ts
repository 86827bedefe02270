/** The Flamingos that a run can name: three that train from scratch, and the published size that has a Llama decoder. */
import type { ClipVisionConfig } from '../catalog/clip-config.ts';
import { clipPresets } from '../catalog/presets.ts';
import type { FlamingoConfig } from './config.ts';

interface FlamingoShape {
  readonly vision: ClipVisionConfig;
  readonly every: number;
  readonly initialGate?: number;
  readonly perceiver: FlamingoConfig['perceiver'];
  readonly attention: FlamingoConfig['cross_attention'];
  readonly decoder: {
    readonly width: number;
    readonly inner: number;
    readonly layers: number;
    readonly heads: number;
    readonly context: number;
    /** Tokens without `<|endofchunk|>` and `<image>`, which come after them, and what else is new. */
    readonly tokens: number;
    readonly newTokens: number;
    readonly pad: number;
  };
}

const config = ({
  vision,
  every,
  initialGate,
  perceiver,
  attention,
  decoder,
}: FlamingoShape): FlamingoConfig => ({
  model_type: 'flamingo',
  cross_attn_every_n_layers: every,
  media: 'immediate',
  ...(initialGate === undefined ? {} : { initial_gate: initialGate }),
  vision_tokens_post_norm: false,
  end_of_chunk_token_id: decoder.tokens,
  image_token_id: decoder.tokens + 1,
  perceiver,
  cross_attention: attention,
  vision_config: vision,
  text_config: {
    model_type: 'llama',
    hidden_size: decoder.width,
    intermediate_size: decoder.inner,
    num_hidden_layers: decoder.layers,
    num_attention_heads: decoder.heads,
    num_key_value_heads: decoder.heads,
    head_dim: decoder.width / decoder.heads,
    hidden_act: 'silu',
    vocab_size: decoder.tokens + decoder.newTokens,
    max_position_embeddings: decoder.context,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: false,
    bos_token_id: 1,
    eos_token_id: 2,
    pad_token_id: decoder.pad,
  },
});

const visionOf = (preset: string): ClipVisionConfig => clipPresets[preset]!.config.vision_config;

/** What the presets of a few million parameters share. */
const small: FlamingoShape = {
  vision: visionOf('clip-small'),
  every: 1,
  initialGate: 1,
  perceiver: { depth: 2, latents: 8, heads: 4, head_dim: 32, ff_mult: 4 },
  attention: { heads: 4, head_dim: 32, ff_mult: 4 },
  decoder: {
    width: 128,
    inner: 344,
    layers: 3,
    heads: 4,
    context: 512,
    tokens: 1022,
    newTokens: 2,
    pad: 3,
  },
};

export const flamingoPresets = {
  'flamingo-tiny': {
    description: 'For tests: the image tower of clip-tiny, a decoder of two layers',
    config: config({
      vision: visionOf('clip-tiny'),
      every: 1,
      perceiver: { depth: 1, latents: 4, heads: 2, head_dim: 16, ff_mult: 4 },
      attention: { heads: 2, head_dim: 16, ff_mult: 4 },
      decoder: {
        width: 64,
        inner: 172,
        layers: 2,
        heads: 4,
        context: 128,
        tokens: 510,
        newTokens: 2,
        pad: 3,
      },
    }),
  },
  'flamingo-small': {
    description: 'For the quickstart: trains from scratch in minutes on two cores, 64-pixel images',
    config: config(small),
  },
  'flamingo-small-patch8': {
    description: 'flamingo-small with patches of 8 pixels: for what is small in a picture',
    config: config({ ...small, vision: { ...small.vision, patch_size: 8 } }),
  },
  'flamingo-9b': {
    description: 'OpenFlamingo-9B as first published: ViT-L/14 and LLaMA-7B',
    config: config({
      vision: visionOf('clip-vit-large-patch14'),
      every: 4,
      perceiver: { depth: 6, latents: 64, heads: 8, head_dim: 64, ff_mult: 4 },
      attention: { heads: 8, head_dim: 64, ff_mult: 4 },
      // Its tokenizer has no padding token; OpenFlamingo adds one.
      decoder: {
        width: 4096,
        inner: 11_008,
        layers: 32,
        heads: 32,
        context: 2048,
        tokens: 32_000,
        newTokens: 3,
        pad: 32_002,
      },
    }),
  },
} as const satisfies Readonly<
  Record<string, { readonly description: string; readonly config: FlamingoConfig }>
>;
