import { Type } from 'typebox';
import type { ObjectiveCard } from '../objective.ts';
import { LOGIT_SCALE_RANGE } from '../scalars.ts';

export const sigLip: ObjectiveCard = {
  kind: 'siglip',
  description: 'Sigmoid loss over all pairs of the global batch (SigLIP)',
  options: Type.Object({}),
  outputs: 'features',
  // The values of the SigLIP paper (arXiv 2303.15343): most pairs are negatives, and the bias says so from the start.
  scalars: { logit_scale: { initial: Math.log(10), ...LOGIT_SCALE_RANGE }, logit_bias: { initial: -10 } },
  load: async () => (await import('./objective.ts')).objective,
};
