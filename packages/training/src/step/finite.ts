/** Stops a run whose numbers have exploded, and says where: step, shard and samples. Every rank decides alike. */
import { TriptychError } from '@triptych/protocol';
import type { ShardFeatures } from './shard-features.ts';

const REMEDY = 'lower the learning rate, warm up for longer, or look at these samples';

/** @throws TriptychError LOSS_NOT_FINITE naming the first shard whose features are not finite. */
export function assertFiniteFeatures(
  features: ShardFeatures,
  where: { step: number; shards: number; samplesOf: (shard: number) => readonly string[] },
): void {
  for (const [tower, values] of Object.entries(features) as [string, Float32Array][]) {
    const at = values.findIndex((value) => !Number.isFinite(value));
    if (at < 0) continue;
    const shard = Math.floor(at / (values.length / where.shards));
    const samples = where.samplesOf(shard).join(', ');
    throw new TriptychError(
      'LOSS_NOT_FINITE',
      `The ${tower} of shard ${shard} have features that are not finite at step ${where.step} (samples ${samples}); ${REMEDY}`,
    );
  }
}

/** @throws TriptychError LOSS_NOT_FINITE where the features were finite and their loss or gradient is not. */
export function assertFiniteLoss(result: { loss: number; gradientNorm: number; step: number }): void {
  const { loss, gradientNorm, step } = result;
  if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) return;
  throw new TriptychError(
    'LOSS_NOT_FINITE',
    `The loss is ${loss} and the norm of its gradient ${gradientNorm} at step ${step}; ${REMEDY}`,
  );
}
