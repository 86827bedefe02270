/** The losses that runs can name. A new one is a line here. */
import { infoNce } from './infonce/card.ts';
import { nextToken } from './next-token/card.ts';
import type { ObjectiveCard } from './objective.ts';
import { sigLip } from './siglip/card.ts';

export const objectives: Readonly<Record<string, ObjectiveCard>> = Object.fromEntries(
  [infoNce, sigLip, nextToken].map((card) => [card.kind, card]),
);
