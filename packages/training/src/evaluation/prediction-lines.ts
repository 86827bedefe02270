/** Predictions as the bytes that are stored: a line of JSON for each. */
import type { Prediction } from '../catalog/tasks/task.ts';

export const predictionLines = (predictions: readonly Prediction[]): Uint8Array =>
  new TextEncoder().encode(predictions.map((one) => `${JSON.stringify(one)}\n`).join(''));
