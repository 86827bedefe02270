/** What would happen if a run were submitted now. Nothing is created. */
import { estimateMemoryBytes } from '@triptych/models/catalog';
import type { RunPlan, Worker } from '@triptych/protocol';
import { stepsPerEpoch } from '@triptych/training/catalog';
import type { ResolvedRun } from './run-resolution.ts';

export function planOf(
  run: ResolvedRun,
  fleet: { workers: readonly Worker[]; queuePosition: number },
): RunPlan {
  const { spec, model, modelConfig, trainImages, totalSteps } = run;
  const { min, max, pool, backend } = spec.workers;
  const memoryBytesPerWorker = estimateMemoryBytes(modelConfig, spec.batch.global / spec.batch.shards);
  const suitable = fleet.workers.filter(
    (worker) => worker.pool === pool && (backend === undefined || worker.backend === backend),
  );
  const ready = suitable.filter(({ state }) => state === 'idle');
  const chosen = backend ?? ready[0]?.backend;
  return {
    spec,
    parameters: model.parameters,
    totalSteps,
    stepsPerEpoch: stepsPerEpoch(spec.batch.global, trainImages),
    samples: totalSteps * spec.batch.global,
    memoryBytesPerWorker,
    worldSizes: Array.from({ length: max - min + 1 }, (_, i) => min + i),
    workersReady: ready.length,
    queuePosition: fleet.queuePosition,
    ...(chosen === undefined ? {} : { backend: chosen }),
    warnings: [...fleetWarnings(run, { suitable, ready }), ...memoryWarnings(memoryBytesPerWorker, suitable)],
  };
}

function fleetWarnings(
  { spec }: ResolvedRun,
  { suitable, ready }: { suitable: readonly Worker[]; ready: readonly Worker[] },
): string[] {
  const { min, pool, backend } = spec.workers;
  const kind = `${backend === undefined ? '' : `${backend} `}workers in pool "${pool}"`;
  if (suitable.length < min)
    return [
      `The run needs ${min} ${kind}, there are ${suitable.length}: it will wait until more are started`,
    ];
  if (ready.length < min)
    return [`The run needs ${min} ${kind}, ${ready.length} of ${suitable.length} are idle now`];
  return [];
}

function memoryWarnings(bytes: number, workers: readonly Worker[]): string[] {
  const small = workers.filter(({ memoryBytes }) => memoryBytes < bytes);
  if (small.length === 0) return [];
  const least = Math.min(...small.map(({ memoryBytes }) => memoryBytes));
  return [
    `About ${mebibytes(bytes)} MiB are needed on each worker; ${small.length} have less (the smallest ${mebibytes(least)} MiB): raise batch.shards`,
  ];
}

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
