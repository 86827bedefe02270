import { Type } from 'typebox';
import type { ObjectiveCard } from '../objective.ts';
import { LOGIT_SCALE_RANGE } from '../scalars.ts';

export const infoNce: ObjectiveCard = {
  kind: 'infonce',
  description: 'Symmetric cross entropy over all pairs of the global batch (CLIP)',
  options: Type.Object({}),
  outputs: 'features',
  scalars: { logit_scale: LOGIT_SCALE_RANGE },
  load: async () => (await import('./objective.ts')).objective,
};
