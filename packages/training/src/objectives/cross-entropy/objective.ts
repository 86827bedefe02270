/** The mean over the global batch of every sample's cross entropy with its class. */
import { tf } from '@triptych/nn';
import type { Objective } from '../objective.ts';
import { labelLoss } from './label-loss.ts';

export const objective: Objective = {
  needsOutputs: false,

  async summary({ batch }) {
    return new Uint8Array(Int32Array.of(batch.samples).buffer);
  },

  async whole(summaries, { options, samplesPerShard }) {
    const factor = 1 / (summaries.length * samplesPerShard);
    const smoothing = (options['labelSmoothing'] as number | undefined) ?? 0;
    return {
      async pull(_shard, { outputs, batch }) {
        if (outputs.kind !== 'logits' || !batch.targets)
          throw new RangeError('cross-entropy needs logits and their labels');
        const logits = await outputs.logits.data<'float32'>();
        const { sum, gradient } = labelLoss(logits, batch.targets.labels, { smoothing, factor });
        return {
          gradients: [tf.tensor2d(gradient, outputs.logits.shape)],
          losses: [factor * sum],
          scalars: {},
        };
      },
      [Symbol.dispose]() {},
    };
  },
};
