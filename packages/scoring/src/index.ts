/** Evaluation metrics: pure functions over score matrices, captions and answers. */
export {
  type AveragePrecision,
  type AveragePrecisionInput,
  averagePrecision,
} from './average-precision.ts';
export {
  confidenceIntervals,
  type Difference,
  type Interval,
  pairedDifferences,
  type Resampling,
} from './bootstrap.ts';
export { bleu } from './captions/bleu.ts';
export type { CaptionedImage, CaptionScore } from './captions/captioned-image.ts';
export { ciderD, DocumentFrequencies, documentFrequencies } from './captions/cider-d.ts';
export { captionTokens } from './captions/ptb/caption-tokens.ts';
export { rougeL } from './captions/rouge-l.ts';
export { formatDifference, formatScore, type Unit } from './format.ts';
export { type RetrievalInput, retrieval } from './retrieval.ts';
export {
  type Clusters,
  clustersOf,
  eachAlone,
  type Group,
  meanOfSamples,
  type PerSample,
  type ScoreValue,
  type Statistic,
  type Weights,
} from './score.ts';
export { matrixRows, type PairScores, similarities, similarityRows } from './similarity.ts';
export { normaliseAnswer, normaliseWords, stripPunctuation } from './vqa/normalise-answer.ts';
export {
  type AnsweredQuestion,
  type HumanAnswer,
  roundedPercent,
  type VqaAccuracy,
  vqaAccuracy,
} from './vqa/vqa-accuracy.ts';
export { type ZeroShotInput, zeroShot } from './zero-shot.ts';
