/** Retrieval: the caption of an image among all captions, and the image of a caption among all images. */
import { retrieval, similarityRows } from '@triptych/scoring';
import type { Task } from './task.ts';

export const retrievalTask: Task = {
  name: 'retrieval',
  description: 'Finding the image of a caption, and the captions of an image',
  needs: 'embed',
  check: ({ split, captions }) =>
    captions > 0
      ? undefined
      : {
          expected: `captions in split "${split}" for "retrieval"`,
          actual: 'none',
          remedy: 'leave "retrieval" out, or register a dataset with captions',
        },
  isDefault: () => true,
  async run({ samples, embed }) {
    const captions: string[] = [];
    const imageOfText: number[] = [];
    // An image without a caption could not be found, nor find any.
    const captioned = samples.filter(
      ({ content }) => content.kind === 'captions' && content.texts.length > 0,
    );
    for (const [image, { content }] of captioned.entries()) {
      if (content.kind !== 'captions') continue;
      for (const caption of content.texts) {
        captions.push(caption);
        imageOfText.push(image);
      }
    }
    if (captions.length === 0 || !embed) return { scores: [], samples: 0 };
    const images = await embed.images(captioned);
    const texts = await embed.texts(captions);
    const scores = similarityRows(texts, images, embed.width);
    const input = { scores, imageOfText: Int32Array.from(imageOfText) };
    return { scores: retrieval(input), samples: captioned.length };
  },
};
