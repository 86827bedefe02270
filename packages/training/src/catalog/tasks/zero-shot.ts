/** Zero-shot classification: an image belongs to the class whose prompts it is most like. */
import { promptTemplates, zeroShotPrompts } from '@triptych/datasets';
import { classEmbeddings } from '@triptych/models/catalog';
import { similarities, zeroShot } from '@triptych/scoring';
import type { Task } from './task.ts';

export const zeroShotTask: Task = {
  name: 'zero-shot',
  description: 'Classification of images by the names of their classes',
  needs: 'embed',
  check: ({ split, classes }) =>
    classes >= 2
      ? undefined
      : {
          expected: `two classes at least in split "${split}" for "zero-shot"`,
          actual: `${classes}`,
          remedy: 'leave "zero-shot" out, or register a dataset with class labels',
        },
  isDefault: () => true,
  async run({ samples, classNames, embed }) {
    const labelled = samples.filter(({ classIndex, images }) => classIndex !== undefined && images > 0);
    if (labelled.length === 0 || !embed) return { scores: [], samples: 0 };
    const { width, prompts: set } = embed;
    const all = await embed.images(samples);
    const images = new Float32Array(labelled.length * width);
    const rowOf = new Map(samples.map((sample, row) => [sample, row]));
    for (const [row, sample] of labelled.entries()) {
      const at = rowOf.get(sample)!;
      images.set(all.subarray(at * width, (at + 1) * width), row * width);
    }
    const prompts = classNames.flatMap((name) => zeroShotPrompts(name, set));
    const classes = classEmbeddings(await embed.texts(prompts), promptTemplates[set].length, width);
    const labels = Int32Array.from(labelled, ({ classIndex }) => classIndex!);
    const scores = similarities(images, classes, width);
    return { scores: zeroShot({ scores, classes: classNames.length, labels }), samples: labelled.length };
  },
};
