import { Type } from 'typebox';
import type { ObjectiveCard } from '../objective.ts';

export const nextToken: ObjectiveCard = {
  kind: 'next-token',
  description:
    'Cross entropy of the supervised tokens, averaged over all of the global batch (Flamingo, LLaVA)',
  options: Type.Object({}),
  outputs: 'logits',
  scalars: {},
  load: async () => (await import('./objective.ts')).objective,
};
