/** A run on the tiny dataset, on any number of ranks in this process. */
import { memoryGroups } from '@triptych/collective';
import { presets } from '@triptych/models/catalog';
import type { RunSpec, worker } from '@triptych/protocol';
import { type RunContext, resolveRunSpec } from '../catalog/resolve-run-spec.ts';
import type { TrainerEvent } from '../events.ts';
import type { TrainOptions } from '../run/train-options.ts';
import { train } from '../train.ts';

const TRAIN_IMAGES = 24;

/** Three steps of 12 samples in 4 shards, scored before and after. */
export const tinySpec = (changes: Partial<RunSpec> = {}, { pretrained = false } = {}) =>
  resolveRunSpec(
    {
      model: 'clip-tiny',
      dataset: 'tiny',
      seed: 5,
      duration: { steps: 3 },
      batch: { global: 12, shards: 4 },
      checkpoint: { everySteps: 0 },
      ...changes,
    },
    contextOf(changes.model ?? 'clip-tiny', pretrained),
  );

function contextOf(model: string, pretrained: boolean): RunContext {
  const { architecture, config: modelConfig } = presets.get(model)!;
  return { architecture, modelConfig, pretrained, dataset: { trainSamples: TRAIN_IMAGES } };
}

export type TinyRunOptions = Pick<TrainOptions, 'spec' | 'store'> &
  Partial<TrainOptions> & { readonly datasetManifest: string; readonly worldSize?: number };

/** All events of every rank, by rank. */
export async function runAll({
  worldSize = 1,
  datasetManifest,
  ...options
}: TinyRunOptions): Promise<TrainerEvent[][]> {
  const { signal = new AbortController().signal } = options;
  const datasetManifests = [datasetManifest];
  return await Promise.all(
    memoryGroups(worldSize).map((group) => collect(train({ datasetManifests, ...options, signal, group }))),
  );
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}

type Case = TrainerEvent['$case'];
export const eventsOf = <C extends Case>(events: readonly TrainerEvent[], kind: C) =>
  events.filter((event) => event.$case === kind) as Extract<TrainerEvent, { $case: C }>[];

export const modelOf = (events: readonly TrainerEvent[]): worker.ModelPublished =>
  eventsOf(events, 'model')[0]!.value;
