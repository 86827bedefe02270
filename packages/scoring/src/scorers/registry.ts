/** The scores of files. A new one is a line here. */
import { captionsScorer } from './captions.ts';
import { classificationScorer, multiLabelScorer } from './classification.ts';
import { clipScoreScorer } from './clip-score.ts';
import { exactMatchScorer } from './exact-match.ts';
import { multipleChoiceScorer } from './multiple-choice.ts';
import { popeScorer } from './pope.ts';
import { retrievalScorer } from './retrieval.ts';
import type { Scorer } from './scorer.ts';
import { vqaScorer } from './vqa.ts';

export const scorers: Readonly<Record<string, Scorer>> = Object.fromEntries(
  [
    captionsScorer,
    vqaScorer,
    exactMatchScorer,
    popeScorer,
    multipleChoiceScorer,
    retrievalScorer,
    classificationScorer,
    multiLabelScorer,
    clipScoreScorer,
  ].map((scorer) => [scorer.name, scorer]),
);
