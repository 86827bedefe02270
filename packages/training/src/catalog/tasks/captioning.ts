/** Captioning: the generated caption of an image beside its references, by the metrics of COCO captions. */
import { captionStatistics, captionTokens, scoreValue } from '@triptych/scoring';
import { demonstrations } from './demonstrations.ts';
import type { Task } from './task.ts';

/** As OpenFlamingo generates captions: three beams, at most twenty tokens. */
const limits = { maxNewTokens: 20, beams: 3, temperature: 0, topP: 1, seed: 0, lengthPenalty: 0 };

export const captioningTask: Task = {
  name: 'captioning',
  description: 'Captions of images: BLEU, ROUGE-L and CIDEr-D against the references',
  needs: 'generate',
  check: ({ split, contents }) =>
    contents.captions > 0
      ? undefined
      : {
          expected: `captions in split "${split}" for "captioning"`,
          actual: 'none',
          remedy: 'leave "captioning" out, or register a dataset with captions',
        },
  isDefault: () => true,
  async run(context) {
    const samples = context.samples.filter(({ content }) => content.kind === 'captions');
    if (samples.length === 0 || !context.generate) return { scores: [], samples: 0 };
    const shots = await demonstrations(context, samples);
    const prompts = samples.map((sample, i) => ({
      content: { kind: 'captions' as const, texts: [] },
      sample,
      shots: shots[i]!,
    }));
    const texts = (await context.generate(prompts, limits)).map((text) => text.trim());
    const references = samples.map(({ content }) => (content.kind === 'captions' ? content.texts : []));
    const hypotheses = captionTokens(texts);
    const captioned = hypotheses.map((hypothesis, i) => ({
      hypothesis,
      references: captionTokens(references[i]!),
    }));
    return {
      samples: samples.length,
      scores: captionStatistics({ ids: samples.map(({ id }) => id), images: captioned }).map(scoreValue),
      predictions: samples.map(({ id }, i) => ({
        id,
        prompt: '',
        prediction: texts[i]!,
        truth: references[i]!,
      })),
    };
  },
};
