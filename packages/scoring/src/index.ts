/** Evaluation metrics: pure functions over score matrices. */
export { type RetrievalInput, retrieval } from './retrieval.ts';
export type { ScoreValue } from './score.ts';
export { similarities } from './similarity.ts';
export { type ZeroShotInput, zeroShot } from './zero-shot.ts';
