/** LLaVA in the engine benchmark: texts of 32 tokens and a picture, prompts of 24 and one. */
import { collectTokens, generate, tf } from '@triptych/nn';
import { llava as card } from '../llava/card.ts';
import type { LlavaConfig } from '../llava/config.ts';
import { Llava } from '../llava/llava.ts';
import { LlavaDecoder } from '../llava/llava-decoder.ts';
import type { LlavaBatch } from '../llava/processor.ts';
import { patchTensor } from '../vit/patch-tensor.ts';
import { architectureWorkload } from './architecture-workload.ts';
import type { BatchNumbers, MeasuredArchitecture, MeasuredMethod } from './measured-architecture.ts';
import { decoderAttentions, decoderRows, visionAttentions, visionRows } from './part-sizes.ts';
import { SUPERVISED } from './picture-texts.ts';

const TEXT = 32;
const PROMPT = 24;

const measured: MeasuredArchitecture<LlavaConfig> = {
  card,
  peer: 'llava',

  textShape({ text_config, image_token_index, image_seq_length, vision_config }) {
    const image = new Array<number>(image_seq_length).fill(image_token_index);
    return {
      opening: [text_config.bos_token_id, ...image],
      // The start token is one of the text's.
      learnt: TEXT - 1,
      asked: PROMPT - 1,
      words: [image_token_index + 1, text_config.vocab_size],
      vision: vision_config,
    };
  },

  batch: ({ batch, ids, patches, rows, labels }): LlavaBatch => ({
    samples: batch,
    texts: textsOf({ batch, ids }),
    rows,
    targets: { labels, datasets: new Int32Array(labels.length) },
    pictures: { kind: 'patches', values: patches },
  }),

  async generate(config, { batch, ids, patches, weights, newTokens: maxNewTokens }) {
    const llava = new Llava(config, weights);
    const images = tf.tidy(() => llava.project(llava.imageFeatures(patchTensor(patches, config))));
    try {
      using decoder = new LlavaDecoder(llava, { texts: textsOf({ batch, ids }), images, maxNewTokens });
      return await collectTokens(generate(decoder, { maxNewTokens }), batch);
    } finally {
      images.dispose();
    }
  },

  rowsOf({ key, group }, { vision_config, image_seq_length }) {
    if (group === 'projector') return image_seq_length;
    if (key.startsWith('vision')) return visionRows(key, vision_config);
    return decoderRows(key, { tokens: image_seq_length + TEXT, supervised: SUPERVISED });
  },

  attentions: ({ vision_config, text_config, image_seq_length }, passes) => [
    ...visionAttentions(vision_config, passes),
    ...decoderAttentions(text_config, image_seq_length + TEXT),
  ],
};

const textsOf = ({ batch, ids }: Pick<BatchNumbers, 'batch' | 'ids'>) => ({
  ids,
  batch,
  length: ids.length / batch,
  imageCounts: new Array<number>(batch).fill(1),
});

export const llavaWorkload = (method: Omit<MeasuredMethod, 'preset'>) =>
  architectureWorkload(measured, { preset: 'llava-small', ...method });
