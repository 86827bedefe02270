/** A Predict call's request, checked whole before anything is started. */
import {
  invalidInput,
  type PredictionKind,
  PredictionTask,
  show,
  type TaskOf,
  type Violation,
  violationsOf,
  type worker,
} from '@triptych/protocol';
import type { PredictionJob } from './compute/messages.ts';

/** @throws TriptychError INVALID_INPUT naming every problem. */
export function predictionJobOf(request: worker.PredictRequest): PredictionJob {
  const { modelArtifact, pictures } = request;
  const task = jsonOf(request.taskJson);
  const inputs = jsonOf(request.inputsJson);
  const violations: Violation[] = [];
  if (!/^[0-9a-f]{64}$/.test(modelArtifact))
    violations.push(violation('/modelArtifact', 'a sha256', show(modelArtifact)));
  if (typeof inputs !== 'object' || inputs === null || Array.isArray(inputs))
    violations.push(violation('/inputsJson', 'a JSON object', show(request.inputsJson)));
  for (const found of violationsOf(PredictionTask, task))
    violations.push({ ...found, path: `/taskJson${found.path}` });
  const missing = positionsIn(task).filter((position) => position >= pictures.length);
  if (missing.length > 0)
    violations.push(violation('/pictures', `pictures ${missing.join(', ')}`, `${pictures.length} pictures`));
  if (violations.length > 0) throw invalidInput('request to predict', violations);
  return {
    model: modelArtifact,
    inputs: inputs as Record<string, unknown>,
    task: task as TaskOf<PredictionKind>,
    pictures: pictures.map(({ path, content }) => ({ path, content })),
  };
}

/** Of pictures: wherever a task has one, it stands under one of two names. */
function positionsIn(task: unknown): number[] {
  if (typeof task !== 'object' || task === null) return [];
  return Object.entries(task).flatMap(([name, value]) => {
    if (name === 'image' || name === 'images')
      return [value].flat().filter((one): one is number => typeof one === 'number');
    return positionsIn(value);
  });
}

const violation = (path: string, expected: string, actual: string): Violation => ({
  ...{ path, expected, actual },
  remedy: 'correct the control plane that sent it',
});

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
