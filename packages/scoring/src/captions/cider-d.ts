/**
 * CIDEr-D as coco-caption's cider_scorer.py computes it (there it is called CIDEr): cosines of tf-idf vectors of 1- to
 * 4-grams with the hypothesis' weights clipped to the reference's, times a Gaussian of the difference in length. That
 * length counts bigrams, as the reference does.
 */
import { assertReferences, type CaptionedImage, type CaptionScore, mean } from './captioned-image.ts';
import { type Ngrams, ngrams, ORDERS } from './ngrams.ts';

const SIGMA = 6;

/** In how many of `documents` images the references contain an n-gram (its words with a space between them). */
export interface DocumentFrequencies {
  readonly documents: number;
  readonly frequency: ReadonlyMap<string, number>;
}

/** What CIDEr-D knows of a corpus. An image counts once, however many of its references contain the n-gram. */
export function documentFrequencies(images: readonly (readonly string[])[]): DocumentFrequencies {
  const frequency = new Map<string, number>();
  for (const references of images) {
    const seen = new Set(
      references.flatMap((text) => ngrams(text).counts.flatMap((counts) => [...counts.keys()])),
    );
    for (const gram of seen) frequency.set(gram, (frequency.get(gram) ?? 0) + 1);
  }
  return { documents: images.length, frequency };
}

/**
 * Between 0 and 10. Without `frequencies`, those of these images' references, so that a score changes with the set, and
 * is 0 for a set of one image.
 */
export function ciderD(
  images: readonly CaptionedImage[],
  frequencies: DocumentFrequencies = documentFrequencies(images.map(({ references }) => references)),
): CaptionScore {
  assertReferences(images);
  const perImage = images.map(({ hypothesis, references }) => {
    const own = weigh(ngrams(hypothesis), frequencies);
    const similarities = references.map((text) => similarity(own, weigh(ngrams(text), frequencies)));
    return 10 * mean(similarities);
  });
  return { corpus: mean(perImage), perImage };
}

/** The tf-idf vectors of a text. */
interface Weighed {
  readonly bigrams: number;
  readonly orders: readonly { readonly weights: ReadonlyMap<string, number>; readonly norm: number }[];
}

function weigh({ words, counts }: Ngrams, { documents, frequency }: DocumentFrequencies): Weighed {
  const orders = counts.map((grams) => {
    const weights = new Map<string, number>();
    let squares = 0;
    for (const [gram, count] of grams) {
      const weight = count * (Math.log(documents) - Math.log(Math.max(1, frequency.get(gram) ?? 0)));
      weights.set(gram, weight);
      squares += weight ** 2;
    }
    return { weights, norm: Math.sqrt(squares) };
  });
  return { bigrams: Math.max(0, words - 1), orders };
}

/** The mean over the orders. */
function similarity(own: Weighed, reference: Weighed): number {
  let sum = 0;
  for (const [index, { weights, norm }] of own.orders.entries()) {
    const theirs = reference.orders[index]!;
    let product = 0;
    for (const [gram, weight] of weights) {
      const other = theirs.weights.get(gram) ?? 0;
      product += Math.min(weight, other) * other;
    }
    sum += norm !== 0 && theirs.norm !== 0 ? product / (norm * theirs.norm) : product;
  }
  const difference = own.bigrams - reference.bigrams;
  return (sum / ORDERS) * Math.exp(-(difference ** 2) / (2 * SIGMA ** 2));
}
