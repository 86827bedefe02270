/** The catalogue of metrics: what each is called, what it equals, and how its number is to be read. A new metric is an entry here. */
import type { Unit } from './format.ts';

export interface MetricCard {
  /** For people. */
  readonly title: string;
  readonly unit: Unit;
  /** The least and the largest value; absent where there is none. */
  readonly range: readonly [number, number | undefined];
  readonly better: 'higher' | 'lower' | 'neither';
  /** The program whose numbers these are, or the definition. */
  readonly equals: string;
}

const COCO = 'pycocoevalcap';
const BENCHMARK = "LAION's CLIP_benchmark";
const OPEN_CLIP = 'open_clip (get_clip_metrics)';
const POPE = "LLaVA's eval_pope.py";
const share = { unit: 'ratio', range: [0, 1], better: 'higher' } as const;
const number = { unit: 'number' } as const;
const rank = { unit: 'number', range: [1, undefined], better: 'lower', equals: OPEN_CLIP } as const;

const bleu = (n: number) => ({ title: `BLEU-${n}`, ...share, equals: `${COCO}, Bleu(4)` });
const recall = (what: string, k: number) => ({
  title: `${what}, recall at ${k}`,
  ...share,
  equals: BENCHMARK,
});

export const metrics = {
  bleu_1: bleu(1),
  bleu_2: bleu(2),
  bleu_3: bleu(3),
  bleu_4: bleu(4),
  rouge_l: { title: 'ROUGE-L', ...share, equals: `${COCO}, Rouge` },
  cider_d: { title: 'CIDEr-D', ...number, range: [0, 10], better: 'higher', equals: `${COCO}, Cider` },
  vqa_accuracy: {
    title: 'VQA accuracy',
    ...share,
    equals: 'vqaEval.py of the VQA challenge, divided by 100',
  },
  exact_match: {
    title: 'Exact match',
    ...share,
    equals: 'share of answers that are a right one once normalised as in VQA',
  },
  accuracy: { title: 'Accuracy', ...share, equals: 'share of answers that are right' },
  precision: { title: 'Precision of yes', ...share, equals: POPE },
  recall: { title: 'Recall of yes', ...share, equals: POPE },
  f1: { title: 'F1 of yes', ...share, equals: POPE },
  yes_ratio: { title: 'Share of yes', unit: 'ratio', range: [0, 1], better: 'neither', equals: POPE },
  'image_retrieval_recall@1': recall('Image of a text', 1),
  'image_retrieval_recall@5': recall('Image of a text', 5),
  'image_retrieval_recall@10': recall('Image of a text', 10),
  'text_retrieval_recall@1': recall('Texts of an image', 1),
  'text_retrieval_recall@5': recall('Texts of an image', 5),
  'text_retrieval_recall@10': recall('Texts of an image', 10),
  image_retrieval_median_rank: { title: 'Image of a text, median rank', ...rank },
  image_retrieval_mean_rank: { title: 'Image of a text, mean rank', ...rank },
  text_retrieval_median_rank: { title: 'Best text of an image, median rank', ...rank },
  text_retrieval_mean_rank: { title: 'Best text of an image, mean rank', ...rank },
  'accuracy@1': { title: 'Top-1 accuracy', ...share, equals: BENCHMARK },
  'accuracy@5': { title: 'Top-5 accuracy', ...share, equals: BENCHMARK },
  mean_per_class_recall: { title: 'Mean per-class recall', ...share, equals: `${BENCHMARK}, scikit-learn` },
  mean_average_precision: { title: 'Mean average precision', ...share, equals: BENCHMARK },
  clip_score: {
    title: 'CLIPScore',
    ...number,
    range: [0, 2.5],
    better: 'higher',
    equals: 'clipscore.py of its authors',
  },
  ref_clip_score: {
    title: 'RefCLIPScore',
    ...number,
    range: [0, undefined],
    better: 'higher',
    equals: 'clipscore.py of its authors',
  },
} as const satisfies Readonly<Record<string, MetricCard>>;

export type MetricName = keyof typeof metrics;

/** What a score of this metric begins with. */
export const named = (metric: MetricName): { readonly metric: MetricName; readonly unit: Unit } => ({
  metric,
  unit: metrics[metric].unit,
});

/** Some of the catalogue, by name. */
export const metricCards = (...names: readonly MetricName[]): Readonly<Record<string, MetricCard>> =>
  Object.fromEntries(names.map((name) => [name, metrics[name]]));
