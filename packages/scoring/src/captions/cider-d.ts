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
    const { grams } = this.table;
    for (const { bounds } of references)
      for (let entry = bounds[0]!; entry < bounds[ORDERS]!; entry++) {
        const gram = grams[entry]!;
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
  const weighing = new Weighing(frequencies);
  return images.map(({ hypothesis, references }) => {
    const own = weighing.norms(hypothesis);
    let sum = 0;
    for (const reference of references)
      sum += weighing.similarity({ text: hypothesis, norms: own }, reference);
    return (10 * sum) / references.length;
  });
}

function frequenciesOf({ table, images }: CountedImages): DocumentFrequencies {
  const frequencies = new DocumentFrequencies(table);
  for (const { references } of images) frequencies.add(references);
  return frequencies;
}

/** The tf-idf vectors of all texts of a table. */
class Weighing {
  readonly #grams: Int32Array;
  /** [entries] */
  readonly #weights: Float64Array;
  /** [n-grams]: those of a reference while it is compared; zero otherwise. */
  readonly #theirs: Float64Array;

  constructor(frequencies: DocumentFrequencies) {
    const { grams, counts, size } = frequencies.table;
    // Loops: from() of a typed array asks an iterator for each of a million entries.
    const rarity = new Float64Array(size);
    for (let gram = 0; gram < size; gram++) rarity[gram] = frequencies.rarity(gram);
    this.#grams = grams;
    this.#weights = new Float64Array(grams.length);
    for (let entry = 0; entry < grams.length; entry++)
      this.#weights[entry] = counts[entry]! * rarity[grams[entry]!]!;
    this.#theirs = new Float64Array(size);
  }

  /** Of each order. */
  norms({ bounds }: CountedText): number[] {
    const norms: number[] = [];
    for (let order = 0; order < ORDERS; order++) {
      let squares = 0;
      for (let entry = bounds[order]!; entry < bounds[order + 1]!; entry++)
        squares += this.#weights[entry]! ** 2;
      norms.push(Math.sqrt(squares));
    }
    return norms;
  }

  /** The mean over the orders. */
  similarity(
    own: { readonly text: CountedText; readonly norms: readonly number[] },
    reference: CountedText,
  ): number {
    const [grams, weights, theirs] = [this.#grams, this.#weights, this.#theirs];
    const [from, to] = [reference.bounds[0]!, reference.bounds[ORDERS]!];
    for (let entry = from; entry < to; entry++) theirs[grams[entry]!] = weights[entry]!;
    const norms = this.norms(reference);
    let sum = 0;
    for (let order = 0; order < ORDERS; order++) {
      let product = 0;
      for (let entry = own.text.bounds[order]!; entry < own.text.bounds[order + 1]!; entry++) {
        const weight = theirs[grams[entry]!]!;
        product += Math.min(weights[entry]!, weight) * weight;
      }
      const norm = own.norms[order]! * norms[order]!;
      sum += norm !== 0 ? product / norm : product;
    }
    for (let entry = from; entry < to; entry++) theirs[grams[entry]!] = 0;
    const difference = bigrams(own.text) - bigrams(reference);
    return (sum / ORDERS) * Math.exp(-(difference ** 2) / (2 * SIGMA ** 2));
  }
}

const bigrams = ({ words }: CountedText): number => Math.max(0, words - 1);
