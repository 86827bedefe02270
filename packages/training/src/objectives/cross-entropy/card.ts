import { Type } from 'typebox';
import type { ObjectiveCard } from '../objective.ts';

export const crossEntropy: ObjectiveCard = {
  kind: 'cross-entropy',
  description: 'Cross entropy over the classes of the dataset (linear probe, WiSE-FT)',
  options: Type.Object({
    labelSmoothing: Type.Number({
      default: 0,
      minimum: 0,
      exclusiveMaximum: 1,
      description: 'The part of the target that is spread evenly over all classes',
    }),
  }),
  outputs: 'logits',
  scalars: {},
  load: async () => (await import('./objective.ts')).objective,
};
