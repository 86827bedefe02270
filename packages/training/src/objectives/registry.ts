/** The losses that runs can name. A new one is a line here. */
import { crossEntropy } from './cross-entropy/card.ts';
import { infoNce } from './infonce/card.ts';
import { nextToken } from './next-token/card.ts';
import type { ObjectiveCard } from './objective.ts';
import { sigLip } from './siglip/card.ts';

export const objectives: Readonly<Record<string, ObjectiveCard>> = Object.fromEntries(
  [infoNce, sigLip, nextToken, crossEntropy].map((card) => [card.kind, card]),
);
