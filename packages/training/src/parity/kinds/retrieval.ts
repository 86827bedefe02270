/** Retrieval recall, classification accuracy and average precision on given features, score matrices and logits. */
import { type GoldenCase, integersOf, type SafetensorsTensor } from '@triptych/nn';
import {
  averagePrecision,
  matrixRows,
  type RetrievalInput,
  retrievalRanks,
  type ScoreValue,
  similarityRows,
  unitRows,
  zeroShot,
} from '@triptych/scoring';
import { namedTolerance, recordOf } from '../case-tolerance.ts';
import { missing, numbers } from '../check.ts';
import { hasInputs, type ParityKind } from '../kind.ts';
import type { Check, ExactCheck } from '../launch/check.ts';

export const retrieval: ParityKind = {
  name: 'retrieval-classification',
  recognises: (golden) =>
    golden.has('expected.json') &&
    (hasInputs(golden, 'text_image_index') || hasInputs(golden, 'logits', 'labels')),
  async check(golden) {
    const expected = golden.json('expected.json') as Record<string, Record<string, unknown>>;
    return Object.entries(expected).flatMap(([group, values]) => {
      const own = ownValues(golden, group);
      if (own === undefined) return [missing(group)];
      const tolerance = namedTolerance(golden.about, toleranceName(group)) ?? { relative: 0, absolute: 1e-7 };
      return Object.entries(values).map(([metric, wanted]): Check => {
        const name = `${group}/${metric}`;
        const found = own(metric);
        if (found === undefined) return missing(name);
        return compared(name, { found, wanted, tolerance, bounds: boundsOf(expected, group, metric) });
      });
    });
  },
};

const toleranceName = (group: string): string => (group === 'multilabel' ? 'average_precision' : 'counts');

type Bounds = {
  readonly tiesAgainst: number;
  readonly lowerIndexFirst: number;
  readonly tiesInFavour: number;
};

/** With ties the reference leaves open which comes first: any value between the bounds is right. */
function compared(
  name: string,
  {
    found,
    wanted,
    tolerance,
    bounds,
  }: {
    readonly found: number | ArrayLike<number>;
    readonly wanted: unknown;
    readonly tolerance: { readonly relative: number; readonly absolute: number };
    readonly bounds: Bounds | undefined;
  },
): Check {
  if (bounds !== undefined && typeof found === 'number') return between(name, found, bounds);
  const actual = typeof found === 'number' ? [found] : found;
  if (wanted !== null && typeof wanted === 'object' && 'lowerIndexFirst' in wanted)
    return numbers(name, { actual, expected: [(wanted as Bounds).lowerIndexFirst], tolerance });
  // JSON has no other word for what is not a number.
  const expected = [wanted].flat().map((value) => (value === null ? Number.NaN : Number(value)));
  return numbers(name, { actual, expected, tolerance });
}

function between(name: string, found: number, { tiesAgainst, tiesInFavour }: Bounds): ExactCheck {
  // Float32 divisions there.
  const within = found >= tiesAgainst - 1e-7 && found <= tiesInFavour + 1e-7;
  const note = `${found.toFixed(4)}; with ties anything from ${tiesAgainst.toFixed(4)} to ${tiesInFavour.toFixed(4)} is right`;
  return { kind: 'exact', name, items: 1, different: within ? 0 : 1, within, note };
}

function boundsOf(
  expected: Readonly<Record<string, Record<string, unknown>>>,
  group: string,
  metric: string,
): Bounds | undefined {
  if (!group.startsWith('retrieval_')) return undefined;
  return recordOf(expected[group.replace('retrieval_', 'bounds_')])[metric] as Bounds | undefined;
}

/** Our values of a group of expected ones, by metric; undefined where there is no such group. */
function ownValues(
  golden: GoldenCase,
  group: string,
): ((metric: string) => number | ArrayLike<number> | undefined) | undefined {
  const { tensors } = golden.tensors('inputs.safetensors');
  const suffix = (start: string) => (group.startsWith(start) ? group.slice(start.length) : undefined);
  const scores = suffix('retrieval_') ?? suffix('bounds_');
  if (scores !== undefined) return recalls(retrievalInput(tensors, scores));
  const classes = suffix('classification');
  if (classes !== undefined) {
    const [logits, labels] = [tensors.get(`logits${classes}`), tensors.get(`labels${classes}`)];
    if (!logits || !labels) return undefined;
    const values = byName(
      zeroShot({ scores: logits.float32(), classes: logits.shape[1]!, labels: integersOf(labels) }),
    );
    // Of fewer than five classes there is no top-5: the reference says that it is not a number.
    return (metric) => values(metric.replace('acc', 'accuracy@')) ?? values(metric) ?? Number.NaN;
  }
  if (group !== 'multilabel') return undefined;
  const [own, targets] = [tensors.get('multilabel_scores'), tensors.get('multilabel_targets')];
  if (!own || !targets) return undefined;
  const precision = averagePrecision({
    scores: own.float32(),
    classes: own.shape[1]!,
    targets: integersOf(targets),
  });
  return (metric) => (metric === 'average_precision' ? precision.perClass : precision.mean);
}

/** Recall at any k, as `image_retrieval_recall@k` and `text_retrieval_recall@k`. */
function recalls(input: RetrievalInput): (metric: string) => number | undefined {
  const { ofImages, ofTexts } = retrievalRanks(input);
  return (metric) => {
    const [, direction, k] = /^(image|text)_retrieval_recall@(\d+)$/.exec(metric) ?? [];
    if (direction === undefined) return undefined;
    const ranks = direction === 'image' ? ofImages : ofTexts;
    return ranks.filter((rank) => rank < Number(k)).length / ranks.length;
  };
}

const byName =
  (values: readonly ScoreValue[]) =>
  (metric: string): number | undefined =>
    values.find((one) => one.metric === metric)?.value;

function retrievalInput(tensors: ReadonlyMap<string, SafetensorsTensor>, name: string): RetrievalInput {
  const imageOfText = integersOf(tensors.get('text_image_index')!);
  const given = tensors.get(name);
  if (given) return { scores: matrixRows(given.float32(), given.shape[1]!), imageOfText };
  const [texts, images] = [tensors.get('text_features')!, tensors.get('image_features')!];
  const width = images.shape[1]!;
  const [textRows, imageRows] = [unitRows(texts.float32(), width), unitRows(images.float32(), width)];
  return { scores: similarityRows(textRows, imageRows, width), imageOfText };
}
