/** Flamingo in the engine benchmark: texts of 32 tokens, prompts of 24; each begins with its picture. */
import { collectTokens, generate, tf } from '@triptych/nn';
import { flamingo as card } from '../flamingo/card.ts';
import { type FlamingoConfig, gatedLayers, oldTokens } from '../flamingo/config.ts';
import { Flamingo } from '../flamingo/flamingo.ts';
import { FlamingoDecoder } from '../flamingo/flamingo-decoder.ts';
import type { FlamingoBatch } from '../flamingo/processor.ts';
import { patchTensor } from '../vit/patch-tensor.ts';
import { architectureWorkload } from './architecture-workload.ts';
import type { MeasuredArchitecture, MeasuredMethod } from './measured-architecture.ts';
import { decoderAttentions, decoderRows, patchesOf, visionAttentions, visionRows } from './part-sizes.ts';
import { SUPERVISED } from './picture-texts.ts';

const TEXT = 32;
const PROMPT = 24;

const measured: MeasuredArchitecture<FlamingoConfig> = {
  card,
  peer: 'flamingo',

  textShape: (config) => ({
    opening: [config.image_token_id],
    learnt: TEXT - 1,
    asked: PROMPT,
    words: [config.text_config.pad_token_id! + 1, oldTokens(config)],
    vision: config.vision_config,
  }),

  batch: ({ batch, ids, patches, rows, labels }): FlamingoBatch => ({
    samples: batch,
    texts: { ids, batch, length: ids.length / batch },
    images: 1,
    rows,
    targets: { labels, datasets: new Int32Array(labels.length) },
    pictures: { kind: 'patches', values: patches },
  }),

  async generate(config, { batch, ids, patches, weights, newTokens: maxNewTokens }) {
    const flamingo = new Flamingo(config, weights);
    const media = tf.tidy(() =>
      flamingo.media(flamingo.imageFeatures(patchTensor(patches, config)), { images: 1 }),
    );
    try {
      using decoder = new FlamingoDecoder(flamingo, { ids, batch, media, maxNewTokens });
      return await collectTokens(generate(decoder, { maxNewTokens }), batch);
    } finally {
      media.dispose();
    }
  },

  rowsOf({ key, group }, { vision_config, perceiver }) {
    const [tower] = group.split('/');
    const keysAndValues = key.endsWith('.to_kv.weight');
    if (key.startsWith('vision')) return visionRows(key, vision_config);
    if (key === 'perceiver.latents') return 0;
    if (tower === 'perceiver') return perceiver.latents + (keysAndValues ? patchesOf(vision_config) : 0);
    if (tower === 'gate') return keysAndValues ? perceiver.latents : TEXT;
    return decoderRows(key, { tokens: TEXT, supervised: SUPERVISED });
  },

  attentions(config, passes) {
    const { vision_config, text_config, perceiver, cross_attention: gated } = config;
    const { latents } = perceiver;
    const resampling = {
      queries: latents,
      keys: latents + patchesOf(vision_config),
      width: perceiver.heads * perceiver.head_dim,
      passes: 3,
    } as const;
    const seeing = { queries: TEXT, keys: latents, width: gated.heads * gated.head_dim, passes: 3 } as const;
    return [
      ...visionAttentions(vision_config, passes),
      ...Array.from({ length: perceiver.depth }, () => resampling),
      ...gatedLayers(config).map(() => seeing),
      ...decoderAttentions(text_config, TEXT),
    ];
  },
};

export const flamingoWorkload = (method: Omit<MeasuredMethod, 'preset'>) =>
  architectureWorkload(measured, { preset: 'flamingo-small', ...method });
