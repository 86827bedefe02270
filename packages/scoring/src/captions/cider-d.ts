/**
 * CIDEr-D as coco-caption's cider_scorer.py computes it (there it is called CIDEr): cosines of tf-idf vectors of 1- to
 * 4-grams with the hypothesis' weights clipped to the reference's, times a Gaussian of the difference in length. That
 * length counts bigrams, as the reference does.
 */
import { mean } from '../score.ts';
import {
  type CaptionedImage,
  type CaptionScore,
  type CountedImages,
  countedImages,
} from './captioned-image.ts';
import { type CountedText, GramTable, grown, ORDERS } from './grams.ts';

const SIGMA = 6;

/** In how many images the references contain an n-gram: what CIDEr-D knows of a corpus. */
export class DocumentFrequencies {
  readonly table: GramTable;
  #documents = 0;
  /** [n-grams] */
  #frequency = new Int32Array(1024);
  /** [n-grams]: the last document that contains it. */
  #seen = new Int32Array(1024);

  /** Of none yet. Texts that are scored with it are counted in its table. */
  constructor(table: GramTable = new GramTable()) {
    this.table = table;
  }

  get documents(): number {
    return this.#documents;
  }

  /** An image counts once, however many of its references contain the n-gram. */
  add(references: readonly CountedText[]): void {
    this.#frequency = grown(this.#frequency, this.table.size);
    this.#seen = grown(this.#seen, this.table.size);
    this.#documents += 1;
    for (const { orders } of references)
      for (const { grams } of orders)
        for (const gram of grams) {
          if (this.#seen[gram] === this.#documents) continue;
          this.#seen[gram] = this.#documents;
          this.#frequency[gram]! += 1;
        }
  }

  /** ln(documents / documents with the n-gram), which is taken to be in one at least. */
  rarity(gram: number): number {
    return Math.log(this.#documents) - Math.log(Math.max(1, this.#frequency[gram] ?? 0));
  }
}

/** Of the references of each image, as `captionTokens` writes them. */
export function documentFrequencies(images: readonly (readonly string[])[]): DocumentFrequencies {
  const frequencies = new DocumentFrequencies();
  for (const references of images) frequencies.add(references.map((text) => frequencies.table.count(text)));
  return frequencies;
}

/**
 * Between 0 and 10. Without `frequencies`, those of these images' references, so that a score changes with the set, and
 * is 0 for a set of one image.
 */
export function ciderD(images: readonly CaptionedImage[], frequencies?: DocumentFrequencies): CaptionScore {
  const perImage = ciderOfImages(countedImages(images, frequencies?.table), frequencies);
  return { corpus: mean(perImage), perImage };
}

/** The images must have been counted in the table of the frequencies. */
export function ciderOfImages(
  { table, images }: CountedImages,
  frequencies: DocumentFrequencies = frequenciesOf({ table, images }),
): number[] {
  const rarity = Float64Array.from({ length: table.size }, (_, gram) => frequencies.rarity(gram));
  // [n-grams]: zero between two texts.
  const theirs = new Float64Array(table.size);
  return images.map(({ hypothesis, references }) => {
    const own = weigh(hypothesis, rarity);
    const similarities = references.map((text) => similarity(own, weigh(text, rarity), theirs));
    return 10 * mean(similarities);
  });
}

export function frequenciesOf({ table, images }: CountedImages): DocumentFrequencies {
  const frequencies = new DocumentFrequencies(table);
  for (const { references } of images) frequencies.add(references);
  return frequencies;
}

/** The tf-idf vectors of a text. */
interface Weighed {
  readonly bigrams: number;
  readonly orders: readonly {
    readonly grams: Int32Array;
    readonly weights: Float64Array;
    readonly norm: number;
  }[];
}

function weigh({ words, orders }: CountedText, rarity: Float64Array): Weighed {
  return {
    bigrams: Math.max(0, words - 1),
    orders: orders.map(({ grams, counts }) => {
      const weights = new Float64Array(grams.length);
      let squares = 0;
      for (let i = 0; i < grams.length; i++) {
        const weight = counts[i]! * rarity[grams[i]!]!;
        weights[i] = weight;
        squares += weight ** 2;
      }
      return { grams, weights, norm: Math.sqrt(squares) };
    }),
  };
}

/** The mean over the orders. `theirs` [n-grams] is zero before and after. */
function similarity(own: Weighed, reference: Weighed, theirs: Float64Array): number {
  let sum = 0;
  for (const [index, { grams, weights, norm }] of own.orders.entries()) {
    const other = reference.orders[index]!;
    for (let i = 0; i < other.grams.length; i++) theirs[other.grams[i]!] = other.weights[i]!;
    let product = 0;
    for (let i = 0; i < grams.length; i++) {
      const weight = theirs[grams[i]!]!;
      product += Math.min(weights[i]!, weight) * weight;
    }
    sum += norm !== 0 && other.norm !== 0 ? product / (norm * other.norm) : product;
    for (const gram of other.grams) theirs[gram] = 0;
  }
  const difference = own.bigrams - reference.bigrams;
  return (sum / ORDERS) * Math.exp(-(difference ** 2) / (2 * SIGMA ** 2));
}
