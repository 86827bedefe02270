/**
 * Cross entropy over the rows that a model gives logits for. With several datasets the loss is the weighted sum of their
 * means; every mean is over the supervised tokens of the whole global batch, so it does not depend on how they are spread
 * over shards, ranks and samples.
 */
import { record, softmaxCrossEntropy, tf } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import type { LossContext, Objective, WholeLoss } from '../objective.ts';

export const objective: Objective = {
  needsOutputs: false,

  async summary({ batch }, { lossWeights }) {
    const counts = new Float64Array(lossWeights.length);
    for (const dataset of batch.targets?.datasets ?? []) counts[dataset]!++;
    return new Uint8Array(counts.buffer);
  },

  async whole(summaries, at) {
    const totals = new Float64Array(at.lossWeights.length);
    for (const bytes of summaries)
      for (const [dataset, count] of new Float64Array(new Uint8Array(bytes).buffer).entries())
        totals[dataset]! += count;
    if (totals.every((total) => total === 0)) throw nothingToLearn(at, summaries.length);
    return wholeLoss(totals, at.lossWeights);
  },
};

function wholeLoss(totals: Float64Array, lossWeights: readonly number[]): WholeLoss {
  return {
    async pull(_shard, { outputs, batch }) {
      const { targets } = batch;
      if (outputs.kind !== 'logits' || !targets)
        throw new RangeError('next-token needs logits and their labels');
      const { labels, datasets } = targets;
      const losses = new Float64Array(totals.length);
      const present = [...totals.keys()].filter((dataset) => datasets.includes(dataset));
      using recording = record([outputs.logits], () =>
        present.map((dataset) => softmaxCrossEntropy(outputs.logits, only(labels, datasets, dataset)).sum),
      );
      for (const [i, dataset] of present.entries())
        losses[dataset] = (await recording.outputs[i]!.data<'float32'>())[0]! / totals[dataset]!;
      const factors = present.map((dataset) => tf.scalar(lossWeights[dataset]! / totals[dataset]!));
      const gradients = present.length > 0 ? recording.backward(factors) : [tf.zerosLike(outputs.logits)];
      tf.dispose(factors);
      return { gradients, losses, scalars: {} };
    },
    [Symbol.dispose]() {},
  };
}

/** The labels of one dataset; the rest is left out of its sum. */
function only(labels: Int32Array, datasets: Int32Array, dataset: number): Int32Array {
  return datasets.every((one) => one === dataset)
    ? labels
    : labels.map((label, row) => (datasets[row] === dataset ? label : -100));
}

function nothingToLearn({ step, samplesOf }: LossContext, shards: number): TriptychError {
  const some = Array.from({ length: shards }, (_, shard) => samplesOf(shard))
    .flat()
    .slice(0, 5);
  return new TriptychError(
    'DATASET_INVALID',
    `No token of the batch of step ${step} is supervised (samples ${some.join(', ')}, ...); look at the template, the context length and the answers`,
  );
}
