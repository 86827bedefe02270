/** BLEU, ROUGE-L and CIDEr-D of a set of captions, counting its n-grams once. Each image on its own. */
import { named } from '../metrics.ts';
import { eachAlone, meanOfSamples, type Statistic, type Weights } from '../score.ts';
import { bleuOf, bleuTallies, TALLY_LENGTH } from './bleu.ts';
import { type CaptionedImage, countedImages } from './captioned-image.ts';
import { ciderOfImages, type DocumentFrequencies } from './cider-d.ts';
import { rougeL } from './rouge-l.ts';

export interface CaptionSet {
  readonly ids: readonly string[];
  /** As `captionTokens` writes them, in the order of the ids. */
  readonly images: readonly CaptionedImage[];
  /** Those of a larger corpus; of these references where left out. They are the same in every resample. */
  readonly frequencies?: DocumentFrequencies;
}

export function captionStatistics({ ids, images, frequencies }: CaptionSet): Statistic[] {
  const counted = countedImages(images, frequencies?.table);
  const clusters = eachAlone(images.length);
  return [
    ...bleuStatistics(ids, bleuTallies(counted)),
    meanOfSamples({ ...named('rouge_l'), ids, clusters, values: rougeL(images).perImage }),
    meanOfSamples({ ...named('cider_d'), ids, clusters, values: ciderOfImages(counted, frequencies) }),
  ];
}

function bleuStatistics(ids: readonly string[], tallies: readonly Float64Array[]): Statistic[] {
  const corpus = (weights: Weights) => {
    const sum = new Float64Array(TALLY_LENGTH);
    for (let image = 0; image < tallies.length; image++) {
      const weight = weights[image]!;
      if (weight > 0) for (let i = 0; i < TALLY_LENGTH; i++) sum[i]! += weight * tallies[image]![i]!;
    }
    return bleuOf(sum);
  };
  const once = corpus(new Float64Array(tallies.length).fill(1));
  const perImage = tallies.map(bleuOf);
  return (['bleu_1', 'bleu_2', 'bleu_3', 'bleu_4'] as const).map((metric, order) => ({
    ...named(metric),
    value: once[order]!,
    samples: tallies.length,
    of: (weights: Weights) => corpus(weights)[order]!,
    perSample: { ids, values: perImage.map((values) => values[order]!) },
  }));
}
