/** Captions of images, by the metrics of COCO. */

import { captionStatistics } from '../captions/caption-statistics.ts';
import { type DocumentFrequencies, documentFrequencies } from '../captions/cider-d.ts';
import { captionTokens } from '../captions/ptb/caption-tokens.ts';
import { type ReferenceCaptions, readReferenceCaptions } from '../files/coco-captions.ts';
import { matched, readTexts } from '../files/predicted-texts.ts';
import { counted, ProblemLog } from '../files/problems.ts';
import type { ScoreFile } from '../files/score-file.ts';
import { metricCards } from '../metrics.ts';
import type { Scorer } from './scorer.ts';

const format = { id: ['image_id', 'id'], text: ['caption', 'prediction', 'text'] };

/** From fewer images, how rare an n-gram is says little. Published figures for COCO come from 5,000. */
const SENSIBLE_CORPUS = 1000;

export const captionsScorer: Scorer = {
  name: 'captions',
  description: 'captions of images: BLEU, ROUGE-L and CIDEr-D',
  files: [
    { role: 'predictions', form: '[{ "image_id", "caption" }], or an object from ids to captions' },
    {
      role: 'references',
      form: 'COCO captions (annotations/captions_*.json), or an object from ids to captions',
    },
    {
      role: 'corpus',
      form: 'captions like the references, which CIDEr-D takes its document frequencies from',
      optional: true,
    },
  ],
  metrics: metricCards('bleu_1', 'bleu_2', 'bleu_3', 'bleu_4', 'rouge_l', 'cider_d'),
  score({ predictions, references, corpus }, { missing }) {
    const problems = new ProblemLog();
    const texts = readTexts(predictions, format, problems);
    const { ids, captions } = readReferenceCaptions(references, problems);
    const known = corpus && readReferenceCaptions(corpus, problems);
    const { places, texts: chosen } = matched(
      texts,
      { what: 'image', ids, missing, predictions, references },
      problems,
    );
    reportUncaptioned(
      places.filter((place) => captions[place]!.length === 0).map((place) => ids[place]!),
      {
        references,
        problems,
      },
    );
    problems.throwIfAny();
    const referenceTokens = tokensOf(places.map((place) => captions[place]!));
    const images = captionTokens(chosen).map((hypothesis, i) => ({
      hypothesis,
      references: referenceTokens[i]!,
    }));
    const frequencies = known && frequenciesOf(known);
    const documents = frequencies?.documents ?? images.length;
    return {
      statistics: captionStatistics({
        ids: places.map((place) => ids[place]!),
        images,
        ...(frequencies && { frequencies }),
      }),
      clusters: { what: 'image', count: images.length },
      notes:
        documents < SENSIBLE_CORPUS
          ? [
              `cider_d knows how rare words are from ${documents} image${documents === 1 ? '' : 's'} only, and cannot be compared with figures from other sets; ${corpus ? 'give a larger --corpus' : 'give captions of more images by --corpus'} (from ${SENSIBLE_CORPUS})`,
            ]
          : [],
    };
  },
};

function reportUncaptioned(
  ids: readonly string[],
  { references, problems }: { readonly references: ScoreFile; readonly problems: ProblemLog },
): void {
  if (ids.length > 0)
    problems.add({
      path: references.name,
      expected: 'a caption for each image',
      actual: `none for ${counted(ids, 'id')}`,
      remedy: 'leave these images out of it, or leave their predictions out and say --missing leave-out',
    });
}

/** All captions are read as one text, as the reference does. */
function tokensOf(captions: readonly (readonly string[])[]): string[][] {
  const tokens = captionTokens(captions.flat()).values();
  return captions.map((texts) => texts.map(() => tokens.next().value!));
}

const frequenciesOf = ({ captions }: ReferenceCaptions): DocumentFrequencies =>
  documentFrequencies(tokensOf(captions.filter((texts) => texts.length > 0)));
