/** Everything that a run begins with, or goes on with: datasets, checkpoint, starting point, the open model. */
import { type Dataset, openDataset } from '@triptych/datasets';
import { architectureNamed, type Model } from '@triptych/models';
import { TriptychError } from '@triptych/protocol';
import { trainedGroups } from '../catalog/trained-tensors.ts';
import { type Checkpoint, decodeCheckpoint } from '../checkpoint/checkpoint.ts';
import { specHash } from '../checkpoint/spec-hash.ts';
import { type StartingPoint, startingPoint } from '../loading/starting-point.ts';
import type { TrainOptions } from './train-options.ts';

export interface LoadedRun {
  readonly datasets: readonly Dataset[];
  readonly start: StartingPoint;
  readonly checkpoint: Checkpoint | undefined;
  /** The caller disposes it. */
  readonly model: Model;
  /** What the trained vector was before the first step, where the run scores weights in between (`evaluation.sweep`, `interpolation`). */
  readonly initial: Float32Array | undefined;
}

/** @throws TriptychError DATASET_INVALID, MODEL_INVALID, ILLEGAL_STATE (a checkpoint of another run), NOT_FOUND, ARTIFACT_CORRUPT. */
export async function loadRun(options: TrainOptions): Promise<LoadedRun> {
  const { spec, store, signal } = options;
  const datasets = [];
  for (const manifest of options.datasetManifests) datasets.push(await openDataset(store, manifest));
  signal.throwIfAborted();
  const samples = datasets.reduce((sum, dataset) => sum + dataset.indices('train').length, 0);
  if (samples < spec.batch.global)
    throw new TriptychError(
      'DATASET_INVALID',
      `The train split has ${samples} samples, batch.global is ${spec.batch.global}; use a smaller batch`,
    );
  const checkpoint = await openCheckpoint(options);
  signal.throwIfAborted();
  const start = checkpoint
    ? await resumed(checkpoint, { ...options, datasets })
    : await startingPoint({ ...options, datasets });
  signal.throwIfAborted();
  const sweeps = spec.evaluation.sweep !== undefined || spec.interpolation !== undefined;
  const begun = sweeps && checkpoint ? await initialVector(start, options) : undefined;
  const model = await openModelOf(start, { options, checkpoint });
  if (checkpoint && checkpoint.frozenHash !== model.frozenHash) {
    model[Symbol.dispose]();
    throw new TriptychError(
      'ILLEGAL_STATE',
      `The frozen weights are not those of the checkpoint ${options.checkpoint}: the base model has changed`,
    );
  }
  const initial = begun ?? (sweeps ? model.trainable.flat.slice() : undefined);
  return { datasets, start, checkpoint, model, initial };
}

/** Of a run that goes on from a checkpoint. */
async function initialVector(start: StartingPoint, options: TrainOptions): Promise<Float32Array> {
  using model = await openModelOf(start, { options, checkpoint: undefined });
  return model.trainable.flat.slice();
}

async function openModelOf(
  start: StartingPoint,
  { options, checkpoint }: { options: TrainOptions; checkpoint: Checkpoint | undefined },
): Promise<Model> {
  const { architecture, factory, config, weights, files, head } = start;
  const { spec } = options;
  const model = await factory.open({
    config,
    tensors: architecture.parameters(config),
    ...trainedGroups(start, spec),
    adapter: spec.adapter,
    weights,
    trained: checkpoint?.weights,
    head: checkpoint ? undefined : head,
    files,
    memory: spec.memory,
    inputs: spec.inputs,
    seed: spec.seed,
  });
  return model;
}

async function openCheckpoint(options: TrainOptions): Promise<Checkpoint | undefined> {
  if (!options.checkpoint) return undefined;
  const checkpoint = decodeCheckpoint(await options.store.get(options.checkpoint));
  if (checkpoint.specHash === specHash(options.spec, options)) return checkpoint;
  throw new TriptychError(
    'ILLEGAL_STATE',
    `Checkpoint ${options.checkpoint} belongs to a run with another model, dataset or training settings`,
  );
}

/** Configuration and files are those of the checkpoint; what is frozen comes from where it came from at first. */
async function resumed(
  { architecture: name, config: stored, files }: Checkpoint,
  options: TrainOptions & { readonly datasets: readonly Dataset[] },
): Promise<StartingPoint> {
  const architecture = architectureNamed(name);
  const config = architecture.parseConfig(stored);
  const factory = await architecture.load();
  const { method, seed } = options.spec;
  const composed = Object.keys(options.towerArtifacts ?? {}).length > 0;
  const { weights, head } =
    options.modelArtifact || composed
      ? await startingPoint(options)
      : { weights: factory.initialWeights(config, seed), head: architecture.methods[method]!.head };
  return { architecture, factory, config, files, weights, head };
}
