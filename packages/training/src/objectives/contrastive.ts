/**
 * An objective made of a pair loss: every rank gathers the features of the whole batch and takes the exact gradient of the
 * global loss for its own shards. Nothing is averaged over ranks.
 */
import type { Outputs } from '@triptych/models';
import { TriptychError } from '@triptych/protocol';
import { NOT_FINITE_REMEDY } from '../step/finite.ts';
import { Contrast, type GlobalFeatures } from './contrast.ts';
import type { LossContext, Objective } from './objective.ts';
import type { PairLoss } from './pair-loss.ts';

export const contrastive = (pairLoss: PairLoss): Objective => ({
  needsOutputs: true,

  async summary({ outputs }) {
    const { images, texts } = featuresOf(outputs);
    const rows = [await images.data<'float32'>(), await texts.data<'float32'>()];
    return new Uint8Array(Buffer.concat(rows.map(bytesOf)));
  },

  async whole(summaries, at) {
    const features = gathered(summaries, at);
    assertFinite(features, at);
    const contrast = await Contrast.of(features, pairLoss);
    const rows = at.samplesPerShard;
    return {
      async pull(shard) {
        const { images, texts, loss, logitScale, logitBias } = contrast.shard(
          shard * rows,
          (shard + 1) * rows,
        );
        const scalars = { logit_scale: logitScale, logit_bias: logitBias };
        // All pairs of a batch are one loss, whichever datasets they are from.
        return { gradients: [images, texts], losses: [loss], scalars };
      },
      [Symbol.dispose]: () => contrast[Symbol.dispose](),
    };
  },
});

function featuresOf(outputs: Outputs | undefined) {
  if (outputs?.kind !== 'features') throw new RangeError('a contrastive objective needs features');
  return outputs;
}

const bytesOf = (rows: Float32Array) => new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);

/** Rows in shard order, from summaries that each hold the images of a shard and then its texts. */
function gathered(
  summaries: readonly Uint8Array[],
  { samplesPerShard, scalars }: LossContext,
): GlobalFeatures {
  // Copies: what came over the wire need not be aligned.
  const shards = summaries.map((bytes) => new Float32Array(new Uint8Array(bytes).buffer));
  const half = shards[0]!.length / 2;
  const all = (start: number) => {
    const rows = new Float32Array(half * shards.length);
    for (const [i, shard] of shards.entries()) rows.set(shard.subarray(start, start + half), i * half);
    return rows;
  };
  return {
    images: all(0),
    texts: all(half),
    width: half / samplesPerShard,
    logitScale: scalars['logit_scale'] ?? 0,
    logitBias: scalars['logit_bias'] ?? 0,
  };
}

function assertFinite(features: GlobalFeatures, { samplesPerShard, step, samplesOf }: LossContext): void {
  for (const tower of ['images', 'texts'] as const) {
    const at = features[tower].findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    const shard = Math.floor(at / (samplesPerShard * features.width));
    throw new TriptychError(
      'LOSS_NOT_FINITE',
      `The ${tower} of shard ${shard} have features that are not finite at step ${step} (samples ${samplesOf(shard).join(', ')}); ${NOT_FINITE_REMEDY}`,
    );
  }
}
