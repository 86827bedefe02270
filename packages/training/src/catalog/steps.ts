/** How many optimizer steps a run takes. A partial last batch of an epoch is dropped. */
import type { ResolvedRunSpec } from '@triptych/protocol';

export const stepsPerEpoch = (globalBatch: number, trainSamples: number): number =>
  Math.floor(trainSamples / globalBatch);

export function totalSteps(
  { duration, batch }: Pick<ResolvedRunSpec, 'duration' | 'batch'>,
  trainSamples: number,
): number {
  return 'steps' in duration ? duration.steps : duration.epochs * stepsPerEpoch(batch.global, trainSamples);
}
