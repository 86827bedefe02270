/**
 * Names of Flamingo weights. Canonical: OpenFlamingo's for resampler, decoder and gated blocks, and CLIP's Hugging Face names
 * under `vision_encoder.`. Tensor-free.
 */
import type { Dialect, NamePair } from '../dialect.ts';
import { huggingFaceClip, openAiClip } from './clip.ts';

const decoder = 'lang_encoder.';
const vision = 'vision_encoder.';
const towerOf = (pairs: readonly NamePair[], strip: string): NamePair[] =>
  pairs
    .filter(({ ours }) => String(ours).startsWith('vision_model.'))
    .map(({ file, ours, ...rest }) => ({
      ...rest,
      file: `${vision}${file.replace(strip, '')}`,
      ours: typeof ours === 'string' ? `${vision}${ours}` : ours.map((name) => `${vision}${name}`),
    }));

const parts: readonly NamePair[] = [
  'perceiver.{rest}',
  `${decoder}model.{rest}`,
  `${decoder}lm_head.weight`,
].map((name) => ({ file: name, ours: name }));
const shared = {
  ignored: [`${decoder}{rest}.rotary_emb.inv_freq`, `${vision}vision_model.embeddings.position_ids`],
  spare: [`${decoder}lm_head.weight`],
};

/** Canonical. */
export const flamingoFiles: Dialect = {
  name: 'Flamingo',
  pairs: [...parts, ...towerOf(huggingFaceClip.pairs, '')],
  ...shared,
};

/**
 * What OpenFlamingo's model has in memory: open_clip's tower, and gated blocks a second time under names that its checkpoints
 * leave out (`old_decoder_blocks`, `gated_cross_attn_layers`).
 */
export const openFlamingo: Dialect = {
  name: 'OpenFlamingo',
  pairs: [
    {
      file: `${decoder}model.layers.{i}.gated_cross_attn_layer.{rest}`,
      ours: `${decoder}model.layers.{i}.gated_cross_attn_layer.{rest}`,
    },
    // With its cross-attention a decoder layer becomes a pair: the layer itself goes one step down.
    { file: `${decoder}model.layers.{i}.decoder_layer.{rest}`, ours: `${decoder}model.layers.{i}.{rest}` },
    ...parts,
    ...towerOf(openAiClip.pairs, 'visual.'),
  ],
  ...shared,
  ignored: [
    ...shared.ignored,
    `${decoder}old_decoder_blocks.{rest}`,
    `${decoder}gated_cross_attn_layers.{rest}`,
  ],
};

export const flamingoDialects: readonly Dialect[] = [flamingoFiles, openFlamingo];
