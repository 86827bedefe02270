/** From the body of a request to what a worker can be asked: the model looked up, its options filled in, pictures taken out. */
import { type Architecture, architectureNamed } from '@triptych/models/catalog';
import {
  invalidInput,
  type Model,
  type PredictionTask,
  predictionKinds,
  predictionRequests,
  type Run,
  show,
  TriptychError,
  type Violation,
  violationsOf,
  type worker,
} from '@triptych/protocol';
import { defaultsOf, predictionViolations } from '@triptych/training/catalog';
import { Type } from 'typebox';
import { violationsIn } from '../http/request-validation.ts';
import { type RequestPicture, takePictures } from './request-pictures.ts';

export interface ResolvedPrediction {
  readonly model: Model & { readonly artifact: string };
  readonly task: PredictionTask;
  readonly pictures: readonly RequestPicture[];
  /** Complete. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly stream: boolean;
}

/** As a worker is asked it. */
export const questionOf = ({ model, inputs, task, pictures }: ResolvedPrediction): worker.PredictRequest => ({
  modelArtifact: model.artifact,
  inputsJson: JSON.stringify(inputs),
  taskJson: JSON.stringify(task),
  pictures: pictures.map(({ path, content }) => ({ path, content })),
});

export interface Records {
  readonly models: { find(idOrName: string): Promise<Model | undefined> };
  readonly runs: { get(id: string): Promise<Pick<Run, 'spec'>> };
}

type Fields = Readonly<Record<string, unknown>>;

/** @throws TriptychError INVALID_INPUT with every violation. */
export async function resolvePrediction(body: unknown, records: Records): Promise<ResolvedPrediction> {
  const fields = isObject(body) ? body : {};
  const violations: Violation[] = [...schemaViolations(body)];
  const isSound = violations.length === 0;
  const { model: name, inputs: given, stream = false, ...asked } = fields;
  const isNamed = typeof name === 'string' && !violations.some(({ path }) => path === '/model');
  const model = isNamed ? await records.models.find(name) : undefined;
  const unusable = isNamed && modelViolation(name, model);
  if (unusable) violations.push(unusable);
  const taken = isSound ? takePictures(asked) : undefined;
  violations.push(...(taken?.violations ?? []));
  const architecture = model && architectureNamed(model.architecture);
  if (taken && architecture)
    violations.push(...predictionViolations(taken.task as PredictionTask, architecture));
  let inputs: Record<string, unknown> = {};
  if (model && architecture && (given === undefined || isObject(given))) {
    inputs = { ...defaultsOf(architecture.inputs), ...(await trainedWith(model, records)), ...given };
    violations.push(...inputViolations(inputs, architecture));
  }
  if (violations.length > 0 || !model?.artifact || !taken) throw invalidInput('prediction', violations);
  return {
    model: { ...model, artifact: model.artifact },
    task: taken.task as PredictionTask,
    pictures: taken.pictures,
    inputs,
    stream: stream === true,
  };
}

/** What is known of a request whose kind is not. */
const AnyKind = Type.Object({ model: predictionRequests.classify.properties.model });

/** Against the schema of its kind alone: what the other kinds would want is nobody's business. */
function schemaViolations(body: unknown): readonly Violation[] {
  const kind = isObject(body) ? body['kind'] : undefined;
  const schema = predictionKinds.find((one) => one === kind);
  if (schema) return violationsIn(predictionRequests[schema], body);
  return [
    ...violationsIn(AnyKind, body),
    {
      path: '/kind',
      expected: `one of ${predictionKinds.map(show).join(', ')}`,
      actual: show(kind),
      remedy: 'say what is asked; each kind has its own fields, see /docs',
    },
  ];
}

function modelViolation(name: string, model: Model | undefined): Violation | undefined {
  const problem = { path: '/model', expected: 'the id or name of a trained or imported model' };
  if (!model) return { ...problem, actual: show(name), remedy: 'see GET /v1/models' };
  if (model.artifact !== undefined) return undefined;
  const remedy = 'train it with POST /v1/runs, and ask the model that comes out';
  return { ...problem, actual: `the preset ${show(name)}, which has no weights`, remedy };
}

/** Prompts are written as they were in training, unless the request says otherwise. */
async function trainedWith({ runId }: Model, { runs }: Records): Promise<Fields> {
  if (runId === undefined) return {};
  try {
    return (await runs.get(runId)).spec.inputs;
  } catch (error) {
    if (error instanceof TriptychError && error.code === 'NOT_FOUND') return {};
    throw error;
  }
}

const inputViolations = (inputs: Fields, { inputs: schema }: Architecture): Violation[] =>
  violationsOf(schema, inputs).map((violation) => ({ ...violation, path: `/inputs${violation.path}` }));

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
