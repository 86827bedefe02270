/** Caption metrics: BLEU, ROUGE-L and CIDEr-D of a set and of each image. */
import {
  bleu,
  type CaptionedImage,
  type CaptionScore,
  captionTokens,
  ciderD,
  rougeL,
} from '@triptych/scoring';
import { namedTolerance } from '../case-tolerance.ts';
import { missing, numbers } from '../check.ts';
import type { ParityKind } from '../kind.ts';

interface Entry {
  readonly image_id?: unknown;
  readonly hypothesis: string;
  readonly references: readonly string[];
  /** Absent: the Penn Treebank tokens of all captions, as the COCO tools make them. */
  readonly hypothesisTokens?: string;
  readonly referenceTokens?: readonly string[];
}

interface Expected {
  /** The order of the figures; that of the inputs where left out. */
  readonly image_ids?: readonly unknown[];
  readonly corpus: Readonly<Record<string, number>>;
  readonly perImage: Readonly<Record<string, readonly number[]>>;
}

export const captions: ParityKind = {
  name: 'captions',
  recognises(golden) {
    if (!golden.has('inputs.json') || !golden.has('expected.json')) return false;
    const { corpus } = golden.json('expected.json') as Partial<Expected>;
    return typeof corpus === 'object';
  },
  async check(golden) {
    const { image_ids, corpus, perImage } = golden.json('expected.json') as Expected;
    const entries = golden.json('inputs.json') as Entry[];
    const scores = scoresOf(tokenised(entries));
    const places = image_ids?.map((id) => entries.findIndex((entry) => entry.image_id === id));
    const tolerance = namedTolerance(golden.about, 'absolute') ?? { relative: 0, absolute: 1e-9 };
    return [
      ...Object.entries(corpus).map(([metric, value]) => {
        const own = scores.get(metric);
        if (!own) return missing(metric);
        return numbers(metric, { actual: [own.corpus], expected: [value], tolerance });
      }),
      ...Object.entries(perImage).map(([metric, expected]) => {
        const own = scores.get(metric);
        if (!own) return missing(`${metric} of each image`);
        const actual = places ? places.map((place) => own.perImage[place] ?? Number.NaN) : own.perImage;
        return numbers(`${metric} of each image`, { actual, expected, tolerance });
      }),
    ];
  },
};

function tokenised(entries: readonly Entry[]): CaptionedImage[] {
  if (
    entries.every(
      ({ hypothesisTokens, referenceTokens }) => hypothesisTokens !== undefined && referenceTokens,
    )
  )
    return entries.map(({ hypothesisTokens, referenceTokens }) => ({
      hypothesis: hypothesisTokens!,
      references: referenceTokens!,
    }));
  // References are read as one text and hypotheses as another, as the COCO tools do.
  const hypotheses = captionTokens(entries.map(({ hypothesis }) => hypothesis));
  const references = captionTokens(entries.flatMap((entry) => entry.references));
  let at = 0;
  return entries.map((entry, i) => {
    const own = references.slice(at, at + entry.references.length);
    at += entry.references.length;
    return { hypothesis: hypotheses[i]!, references: own };
  });
}

const scoresOf = (images: readonly CaptionedImage[]): ReadonlyMap<string, CaptionScore> =>
  new Map([
    ...bleu(images).map((score, index) => [`BLEU-${index + 1}`, score] as const),
    ['ROUGE-L', rougeL(images)] as const,
    ['CIDEr-D', ciderD(images)] as const,
  ]);
