/** Answers of yes or no, as LLaVA's eval_pope.py reads and counts them for POPE (https://arxiv.org/abs/2305.10355). */
import { named } from '../metrics.ts';
import { type Clusters, meanOfSamples, type Statistic, type Weights } from '../score.ts';

/** Of the first sentence: no if one of its words is "no", "No" or "not"; yes otherwise, whatever it says. */
export function saysYes(answer: string): boolean {
  const words = answer.split('.')[0]!.replaceAll(',', '').split(' ');
  return !words.some((word) => word === 'No' || word === 'not' || word === 'no');
}

export interface YesNoInput {
  readonly ids: readonly string[];
  /** [samples] */
  readonly predicted: readonly boolean[];
  readonly truth: readonly boolean[];
  readonly clusters: Clusters;
  readonly group?: Statistic['group'];
  readonly among?: readonly number[];
}

/** What precision, recall and F1 are made of. */
export interface YesNoCounts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

/** Where nothing was taken for yes (or nothing is), precision (or recall) is 0; the reference ends with a division by zero. */
export function yesNoStatistics(input: YesNoInput): Statistic[] {
  const { ids, predicted, truth, clusters, group, among = [...predicted.keys()] } = input;
  const chosen = among.length;
  const mean = (metric: 'accuracy' | 'yes_ratio', value: (sample: number) => boolean) =>
    meanOfSamples({
      ...named(metric),
      ...(group && { group }),
      ...{ ids, clusters, among },
      values: Float64Array.from(predicted, (_, sample) => (value(sample) ? 1 : 0)),
    });
  const of = (weights: Weights) => countsOf({ predicted, truth, clusters, among, weights });
  const once = of(new Float64Array(clusters.count).fill(1));
  const ratio = (
    metric: 'precision' | 'recall' | 'f1',
    value: (counts: YesNoCounts) => number,
  ): Statistic => ({
    ...named(metric),
    ...(group && { group }),
    value: value(once),
    samples: chosen,
    of: (weights) => value(of(weights)),
  });
  return [
    mean('accuracy', (sample) => predicted[sample] === truth[sample]),
    ratio('precision', precision),
    ratio('recall', recall),
    ratio('f1', f1),
    mean('yes_ratio', (sample) => predicted[sample]!),
  ];
}

function countsOf(
  of: Pick<YesNoInput, 'predicted' | 'truth' | 'clusters'> & {
    readonly among: readonly number[];
    readonly weights: Weights;
  },
): YesNoCounts {
  const { predicted, truth, clusters, among, weights } = of;
  let [truePositives, falsePositives, trueNegatives, falseNegatives] = [0, 0, 0, 0];
  for (const sample of among) {
    const weight = weights[clusters.of[sample]!]!;
    if (predicted[sample]) {
      if (truth[sample]) truePositives += weight;
      else falsePositives += weight;
    } else if (truth[sample]) falseNegatives += weight;
    else trueNegatives += weight;
  }
  return { truePositives, falsePositives, trueNegatives, falseNegatives };
}

const part = (some: number, all: number): number => (all === 0 ? 0 : some / all);

const precision = ({ truePositives, falsePositives }: YesNoCounts): number =>
  part(truePositives, truePositives + falsePositives);

const recall = ({ truePositives, falseNegatives }: YesNoCounts): number =>
  part(truePositives, truePositives + falseNegatives);

function f1(counts: YesNoCounts): number {
  const [p, r] = [precision(counts), recall(counts)];
  return part(2 * p * r, p + r);
}
