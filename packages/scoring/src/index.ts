/** Evaluation metrics: pure functions over score matrices, captions and answers. */
export {
  type AveragePrecision,
  type AveragePrecisionInput,
  averagePrecision,
} from './average-precision.ts';
export { bleu } from './captions/bleu.ts';
export type { CaptionedImage, CaptionScore } from './captions/captioned-image.ts';
export { ciderD, type DocumentFrequencies, documentFrequencies } from './captions/cider-d.ts';
export { captionTokens } from './captions/ptb/caption-tokens.ts';
export { rougeL } from './captions/rouge-l.ts';
export { type RetrievalInput, retrieval } from './retrieval.ts';
export type { ScoreValue } from './score.ts';
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
