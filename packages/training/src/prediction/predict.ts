/** Asks an open model one thing: a ranking of candidates, or a text piece by piece. */
import { invalidInput, type PredictionResult, type PredictionTask, TriptychError } from '@triptych/protocol';
import { predictionViolations } from '../catalog/predictions.ts';
import type { OpenedModel } from './opened-model.ts';
import { type PictureFile, transformedPictures } from './pictures.ts';
import { isWritten, limitsOf, promptOf } from './prompts.ts';
import { rankByFeatures } from './rank-by-features.ts';
import { rankByLikelihood } from './rank-by-likelihood.ts';

export type PredictionOutput =
  | { readonly kind: 'text'; readonly text: string }
  /** The last one; with the whole text, where pieces came before. */
  | { readonly kind: 'result'; readonly result: PredictionResult };

export interface PredictOptions {
  readonly task: PredictionTask;
  /** What the positions in the task mean. */
  readonly pictures: readonly PictureFile[];
  readonly signal: AbortSignal;
}

/**
 * The model stays the caller's.
 * @throws TriptychError INVALID_INPUT with every problem of the request; OUT_OF_MEMORY; the reason of the signal.
 */
export async function* predict(
  { model, architecture, logitScale, contextLength }: OpenedModel,
  { task, pictures: files, signal }: PredictOptions,
): AsyncGenerator<PredictionOutput, void> {
  const violations = predictionViolations(task, architecture);
  if (violations.length > 0) throw invalidInput('prediction', violations);
  const pictures = await transformedPictures(files, model.processor.transform);
  signal.throwIfAborted();
  const { embed, generate, loglikelihood } = model.abilities;
  if (isWritten(task)) {
    if (!generate) throw unable(architecture.title, 'write');
    let text = '';
    for await (const piece of generate([promptOf(task, pictures)], limitsOf(task, contextLength))) {
      signal.throwIfAborted();
      text += piece.text;
      yield { kind: 'text', text: piece.text };
    }
    yield { kind: 'result', result: { kind: task.kind, text: text.trim() } };
  } else if (embed) {
    const ranking = await rankByFeatures(task, { embed, scale: logitScale, pictures, signal });
    yield { kind: 'result', result: { kind: task.kind, measure: 'cosine', ranking } };
  } else {
    if (!loglikelihood || task.kind === 'match-images') throw unable(architecture.title, 'compare');
    const ranking = await rankByLikelihood(task, { loglikelihood, pictures, signal });
    yield { kind: 'result', result: { kind: task.kind, measure: 'log-likelihood', ranking } };
  }
}

const unable = (title: string, what: string) =>
  new TriptychError('MODEL_INVALID', `This ${title} cannot ${what}; choose another model`);
