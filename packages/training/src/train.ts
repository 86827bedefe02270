/**
 * A training run on one rank, from the first artifact to the published model, as a stream of events. Every rank runs this
 * with the same specification; rank 0 alone stores and reports checkpoints, scores and the model.
 */
import { TriptychError } from '@triptych/protocol';
import { isStorageFull } from '@triptych/storage';
import type { Evaluation } from './evaluation/evaluate.ts';
import { predictionLines } from './evaluation/prediction-lines.ts';
import {
  phaseEvent,
  predictionsEvent,
  type Stage,
  scoreEvent,
  stepEvent,
  storageEvent,
  type TrainerEvent,
} from './events.ts';
import { failureOf } from './failure.ts';
import type { TrainOptions } from './run/train-options.ts';
import { TrainingRun } from './run/training-run.ts';

/**
 * The final weights depend on specification, dataset and base model, not on the number of ranks nor on interruptions.
 * The tensor backend must have been selected before. Whatever ends the stream early - an error, the signal, a consumer
 * that stops reading - aborts the group.
 * @throws TriptychError with the cause of the failure; the signal's reason or CANCELLED after an abort.
 */
export async function* train(options: TrainOptions): AsyncGenerator<TrainerEvent> {
  const { group, signal } = options;
  const stop = () => group.abort(failureOf(undefined, signal));
  signal.addEventListener('abort', stop, { once: true });
  let finished = false;
  try {
    signal.throwIfAborted();
    yield* journey(options);
    finished = true;
  } catch (error) {
    const failure = failureOf(error, signal);
    group.abort(failure);
    throw failure;
  } finally {
    signal.removeEventListener('abort', stop);
    if (!finished) group.abort(new TriptychError('CANCELLED', 'The training was abandoned'));
  }
}

async function* journey(options: TrainOptions): AsyncGenerator<TrainerEvent> {
  const { spec, group } = options;
  yield phaseEvent('loading', { step: 0, totalSteps: 0 }, `model ${spec.model}, dataset ${spec.dataset}`);
  using run = await TrainingRun.open(options);
  if (run.step === 0) for (const preview of run.previews()) yield phaseEvent('loading', run, preview);
  if (run.step === 0 && spec.evaluation.baseline && spec.evaluation.tasks.length > 0) {
    yield phaseEvent('baseline', run, 'scores before the first step');
    yield* results(run, await run.evaluate(), { options, stage: 'baseline' });
  }
  const resumed = run.step > 0 ? `, resumed after step ${run.step}` : '';
  yield phaseEvent('training', run, `${run.totalSteps} steps${resumed}`);
  yield* steps(run, options);
  if (run.step < run.totalSteps)
    yield phaseEvent('training', run, `stopped after step ${run.step}: validation has not become better`);
  const best = run.takeBest();
  await run.assertRanksAgree();
  let final: Evaluation = { scores: [], predictions: {} };
  if (spec.evaluation.tasks.length > 0) {
    yield phaseEvent(
      'evaluating',
      run,
      `${spec.evaluation.tasks.join(', ')} on the ${spec.evaluation.split} split${best === undefined ? '' : `, with the weights of step ${best}`}`,
    );
    final = await run.evaluate();
    yield* results(run, final, { options, stage: 'final' });
    for (const alpha of spec.evaluation.sweep ?? []) {
      const at = await run.evaluateAt(alpha);
      final = { ...final, scores: [...final.scores, ...at] };
      yield* results(run, { scores: at, predictions: {} }, { options, stage: 'final' });
    }
  }
  yield phaseEvent('publishing', run, 'weights and configuration');
  if (group.rank === 0) yield { $case: 'model', value: await run.publish(final) };
  // Nobody leaves before the model is safe: as long as it is not, the run can be taken up again.
  await group.barrier();
  yield { $case: 'finished', value: { step: run.step } };
}

async function* steps(run: TrainingRun, { spec, group }: TrainOptions): AsyncGenerator<TrainerEvent> {
  const { everySteps } = spec.checkpoint;
  // The checkpoint that could not be stored: of its step, and when it is tried again as one of a later step.
  let owed: { readonly step: number; readonly retryAt: number } | undefined;
  while (run.step < run.totalSteps && !run.isStalled) {
    yield stepEvent(await run.takeStep());
    // Before the checkpoint, which then has it: a run that is resumed does not do it again.
    if (run.isValidationDue) yield* validation(run, { spec, group });
    if (everySteps === 0 || group.rank !== 0) continue;
    const due = run.step % everySteps === 0 || run.step === run.totalSteps || run.isStalled;
    if (!due && !(owed && performance.now() >= owed.retryAt)) continue;
    const began = performance.now();
    try {
      const { sha256, bytes } = await run.saveCheckpoint();
      const seconds = (performance.now() - began) / 1000;
      yield { $case: 'checkpoint', value: { step: run.step, sha256, bytes, seconds } };
      if (owed) yield storageEvent(false, `The checkpoint of step ${run.step} is stored`);
      owed = undefined;
    } catch (error) {
      if (!isStorageFull(error)) throw error;
      owed = { step: owed?.step ?? run.step, retryAt: performance.now() + CHECKPOINT_RETRY_MS };
      const message = `Training goes on, but nothing was saved since step ${owed.step}: ${error.message}`;
      yield storageEvent(true, message);
    }
  }
  if (owed) yield storageEvent(false, 'All steps are taken: the trained model is stored next');
}

async function* validation(
  run: TrainingRun,
  { spec, group }: Pick<TrainOptions, 'spec' | 'group'>,
): AsyncGenerator<TrainerEvent> {
  const { split } = spec.validation!;
  yield phaseEvent('validating', run, `on the ${split} split`);
  const scores = await run.validate();
  if (group.rank === 0)
    for (const score of scores) yield scoreEvent(score, { stage: 'validation', split, step: run.step });
}

const CHECKPOINT_RETRY_MS = 15_000;

async function* results(
  run: TrainingRun,
  { scores, predictions }: Evaluation,
  { options, stage }: { options: TrainOptions; stage: Stage },
): AsyncGenerator<TrainerEvent> {
  if (options.group.rank !== 0) return;
  const at = { stage, split: options.spec.evaluation.split, step: run.step };
  for (const score of scores) yield scoreEvent(score, at);
  for (const [task, all] of Object.entries(predictions)) {
    const { sha256 } = await options.store.put(predictionLines(all));
    yield predictionsEvent({ task, predictions: all, sha256 }, at);
  }
}
