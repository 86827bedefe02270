/** Demonstrations for k-shot prompts, from the train split: at random, or those whose pictures are most alike. */
import { randomStream } from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import type { EvaluationSample, TaskContext } from './task.ts';

/** For each sample as many as the run asks for; the same whatever the number of ranks. */
export async function demonstrations(
  context: TaskContext,
  samples: readonly EvaluationSample[],
): Promise<(readonly EvaluationSample[])[]> {
  const { shots, choice, seed } = context;
  if (shots === 0) return samples.map(() => []);
  const kinds = new Set(samples.map(({ content }) => content.kind));
  const support = context.support.filter(({ content, images }) => kinds.has(content.kind) && images > 0);
  if (support.length < shots)
    throw new TriptychError(
      'DATASET_INVALID',
      `${shots} demonstrations are asked for and the train split has ${support.length} of that kind; lower evaluation.shots`,
    );
  if (choice === 'similar') return await mostAlike(context, { samples, support });
  return samples.map(({ id }) =>
    // A stream of its own for each sample: the order of evaluation has no influence.
    randomStream(seed, 'shots', id)
      .shuffle([...support.keys()])
      .slice(0, shots)
      .map((at) => support[at]!),
  );
}

/** The most similar one stands last, beside the question (RICES, https://arxiv.org/abs/2109.05014). */
async function mostAlike(
  { pictureFeatures, shots }: TaskContext,
  { samples, support }: { samples: readonly EvaluationSample[]; support: readonly EvaluationSample[] },
): Promise<(readonly EvaluationSample[])[]> {
  if (!pictureFeatures)
    throw new TriptychError(
      'INVALID_INPUT',
      'This model gives no picture features to choose similar demonstrations by; use evaluation.choice "random"',
    );
  const rows = await pictureFeatures.of(support);
  const wanted = await pictureFeatures.of(samples);
  const { width } = pictureFeatures;
  return samples.map((sample, i) => {
    const own = wanted.subarray(i * width, (i + 1) * width);
    return support
      .map((one, row) => ({ one, likeness: dot(own, rows.subarray(row * width, (row + 1) * width)), row }))
      .filter(({ one }) => one.id !== sample.id)
      .sort((a, b) => b.likeness - a.likeness || a.row - b.row)
      .slice(0, shots)
      .reverse()
      .map(({ one }) => one);
  });
}

const dot = (a: Float32Array, b: Float32Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};
