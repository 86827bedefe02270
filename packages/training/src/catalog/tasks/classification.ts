/** Classification by the model's own head, which was trained on the classes of the dataset. */
import { zeroShot } from '@triptych/scoring';
import type { Task } from './task.ts';

export const classificationTask: Task = {
  name: 'classification',
  description: 'Classification of images by a head that was trained on their classes',
  needs: 'classify',
  check: ({ split, classes }) =>
    classes >= 2
      ? undefined
      : {
          expected: `two classes at least in split "${split}" for "classification"`,
          actual: `${classes}`,
          remedy: 'leave "classification" out, or register a dataset with class labels',
        },
  isDefault: () => true,
  async run({ samples, classify }) {
    const labelled = samples.filter(({ classIndex, images }) => classIndex !== undefined && images > 0);
    if (labelled.length === 0 || !classify) return { scores: [], samples: 0 };
    const labels = Int32Array.from(labelled, ({ classIndex }) => classIndex!);
    const scores = await classify.images(labelled);
    return { scores: zeroShot({ scores, classes: classify.classes, labels }), samples: labelled.length };
  },
};
