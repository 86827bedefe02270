/** Evaluation scores: pure functions over captions, answers, features and score matrices, and readers of result files. */

export { type ExactAnswer, exactMatches } from './answers/exact-match.ts';
export { chosenIndex } from './answers/multiple-choice.ts';
export { saysYes, type YesNoInput, yesNoStatistics } from './answers/yes-no.ts';
export {
  confidenceIntervals,
  type Difference,
  type Interval,
  pairedDifferences,
  type Resampling,
} from './bootstrap.ts';
export { bleu } from './captions/bleu.ts';
export { type CaptionSet, captionStatistics } from './captions/caption-statistics.ts';
export type { CaptionedImage, CaptionScore } from './captions/captioned-image.ts';
export { ciderD, DocumentFrequencies, documentFrequencies } from './captions/cider-d.ts';
export { captionTokens } from './captions/ptb/caption-tokens.ts';
export { rougeL } from './captions/rouge-l.ts';
export {
  type AveragePrecision,
  type AveragePrecisionInput,
  averagePrecision,
  averagePrecisionStatistic,
} from './classification/average-precision.ts';
export {
  type Classified,
  classified,
  type ZeroShotInput,
  zeroShot,
  zeroShotStatistics,
} from './classification/zero-shot.ts';
export { type ClipScoreInput, clipScoreStatistics, clipScores, refClipScores } from './clip-score.ts';
export { parseLenient } from './files/lenient-json.ts';
export { type MissingPolicy, missingPolicies } from './files/predicted-texts.ts';
export { type Problem, ProblemsFound } from './files/problems.ts';
export {
  type FileRole,
  fileRoles,
  type NamedTensor,
  type ScoreFile,
  type ScoreFiles,
  Tensors,
} from './files/score-file.ts';
export { formatDifference, formatScore, type Unit } from './format.ts';
export { type MetricCard, type MetricName, metrics } from './metrics.ts';
export {
  joinedRanks,
  type RetrievalInput,
  type RetrievalPart,
  type RetrievalRanks,
  retrieval,
  retrievalPart,
  retrievalRanks,
  retrievalStatistics,
} from './retrieval/retrieval.ts';
export { matrixRows, type PairScores, similarities, similarityRows } from './retrieval/similarity.ts';
export { unitRows } from './retrieval/unit-rows.ts';
export {
  type Clusters,
  clustersOf,
  eachAlone,
  type Group,
  meanOfSamples,
  type PerSample,
  type ScoreValue,
  type Statistic,
  scoreValue,
  type Weights,
} from './score.ts';
export { scorers } from './scorers/registry.ts';
export type { FileCard, Scored, ScoreOptions, Scorer } from './scorers/scorer.ts';
export { normaliseAnswer, normaliseWords, stripPunctuation } from './vqa/normalise-answer.ts';
export {
  type AnsweredQuestion,
  type HumanAnswer,
  roundedPercent,
  type VqaAccuracy,
  vqaAccuracy,
} from './vqa/vqa-accuracy.ts';
