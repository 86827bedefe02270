/** Sentence frames for zero-shot classification: `{}` stands for the class name. */

export type PromptSet = 'openai80' | 'openai7' | 'plain';

const frames = (pattern: string, words: readonly string[]): string[] =>
  words.map((word) => pattern.replace('@', word));

const openai80 = [
  ...['a', 'the'].flatMap((article) => [
    ...frames(`a @ photo of ${article} {}.`, [
      'bad',
      'low resolution',
      'cropped',
      'bright',
      'dark',
      'close-up',
      'black and white',
      'pixelated',
      'jpeg corrupted',
      'blurry',
      'good',
    ]),
    ...frames(`a photo of ${article} @ {}.`, [
      'hard to see',
      'clean',
      'dirty',
      'cool',
      'large',
      'nice',
      'weird',
      'small',
    ]),
    ...frames(`a @ of ${article} {}.`, [
      'sculpture',
      'rendering',
      'tattoo',
      'drawing',
      'painting',
      'doodle',
      'rendition',
      'sketch',
      'photo',
    ]),
    ...frames(`@ of ${article} {}.`, ['graffiti', 'art', 'itap']),
    ...frames(`${article} @ {}.`, ['embroidered', 'plastic', 'origami', 'toy', 'cartoon', 'plushie']),
    `${article} {} in a video game.`,
  ]),
  'a photo of many {}.',
  'a photo of my {}.',
  'a photo of one {}.',
  'itap of my {}.',
];

const openai7 = [
  'itap of a {}.',
  'a bad photo of the {}.',
  'a origami {}.',
  'a photo of the large {}.',
  'a {} in a video game.',
  'art of the {}.',
  'a photo of the small {}.',
];

/** Frames that generated captions use too, so that a model trained from nothing knows their words. */
const plain = ['a photo of a {}.', 'a picture of a {}.', 'a {}.'];

/** The 80 of OpenAI's CLIP notebook, its 7-template subset, and three plain ones. */
export const promptTemplates: Readonly<Record<PromptSet, readonly string[]>> = { openai80, openai7, plain };

/** One prompt per template, in the set's order. */
export const zeroShotPrompts = (className: string, set: PromptSet): string[] =>
  promptTemplates[set].map((template) => template.replace('{}', () => className));
