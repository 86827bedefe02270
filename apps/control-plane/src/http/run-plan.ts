/** What would happen if a run were submitted now. Nothing is created. */

import { elementCount } from '@triptych/models/catalog';
import { memoryRemedy, type Numerics, type Run, type RunPlan, type Worker } from '@triptych/protocol';
import {
  bestMetric,
  estimateMemory,
  type MemoryEstimate,
  partition,
  stepsPerEpoch,
  WASM_HEAP_LIMIT_BYTES,
} from '@triptych/training/catalog';
import { groupsOf } from '../scheduler/place.ts';
import { differencesIn } from '../scheduler/shortage.ts';
import type { ResolvedRun } from './run-resolution.ts';

export function planOf(
  run: ResolvedRun,
  fleet: { workers: readonly Worker[]; queuePosition: number; past: readonly Run[] },
): RunPlan {
  const { spec, model, architecture, modelConfig, trainSamples, totalSteps } = run;
  const { min, max, pool, backend } = spec.workers;
  const toFit = { architecture, config: modelConfig };
  const estimate = estimateMemory(toFit, {
    ...spec,
    trainSamples,
    // The fewer they are, the more of the batch each one holds.
    worldSize: min,
    evaluates: spec.evaluation.tasks.length > 0 || spec.validation !== undefined,
    keepsBest: bestMetric(spec.checkpoint.keep) !== undefined,
    sweeps: spec.evaluation.sweep !== undefined || spec.interpolation !== undefined,
  });
  const suitable = fleet.workers.filter(
    (worker) => worker.pool === pool && (backend === undefined || worker.backend === backend),
  );
  const kinds = groupsOf(suitable.filter(isKnown));
  const ready = largest(kinds.map((kind) => kind.filter(({ state }) => state === 'idle')));
  const chosen = backend ?? ready[0]?.backend;
  const etaSeconds = secondsOf(run, { past: fleet.past, ready: ready.length });
  return {
    spec,
    parameters: model.parameters,
    trainedParameters: elementCount(partition(toFit, spec).trained),
    totalSteps,
    stepsPerEpoch: stepsPerEpoch(spec.batch.global, trainSamples),
    samples: totalSteps * spec.batch.global,
    memoryBytesPerWorker: estimate.processBytes,
    heapBytesPerWorker: estimate.heapBytes,
    worldSizes: Array.from({ length: max - min + 1 }, (_, i) => min + i),
    workersReady: ready.length,
    queuePosition: fleet.queuePosition,
    ...(etaSeconds === undefined ? {} : { etaSeconds }),
    ...(chosen === undefined ? {} : { backend: chosen }),
    ...(ready[0] === undefined ? {} : { numerics: ready[0].numerics.digest }),
    warnings: [
      ...fleetWarnings(run, { suitable, kinds, ready }),
      ...memoryWarnings(estimate, suitable),
      ...heapWarnings(estimate, chosen),
    ],
  };
}

/**
 * Of training alone, on the workers that are ready, by the pace of the newest run (`past` has them first) that did the same
 * to each sample; how much a worker more brings is taken to be as much as each one brought there.
 */
function secondsOf(
  { spec, totalSteps }: ResolvedRun,
  { past, ready }: { past: readonly Run[]; ready: number },
): number | undefined {
  const alike = past.find(
    ({ spec: other, worldSize, progress }) =>
      other.method === spec.method &&
      other.memory === spec.memory &&
      other.workers.pool === spec.workers.pool &&
      other.workers.backend === spec.workers.backend &&
      worldSize > 0 &&
      (progress.samplesPerSecond ?? 0) > 0,
  );
  if (!alike) return undefined;
  const workers = Math.min(spec.workers.max, Math.max(spec.workers.min, ready));
  const pace = (alike.progress.samplesPerSecond! / alike.worldSize) * workers;
  return (totalSteps * spec.batch.global) / pace;
}

type Known = Worker & { readonly numerics: Numerics };

/** One that a run can be placed on: here, and known by how it computes. */
const isKnown = (worker: Worker): worker is Known => worker.numerics !== undefined && worker.state !== 'lost';

/** The first of the largest. */
const largest = <T>(groups: readonly (readonly T[])[]): readonly T[] =>
  groups.reduce((best, other) => (other.length > best.length ? other : best), []);

interface FleetParts {
  readonly suitable: readonly Worker[];
  /** Those that compute alike. */
  readonly kinds: readonly (readonly Known[])[];
  /** Those it would begin on now. */
  readonly ready: readonly Worker[];
}

function fleetWarnings({ spec }: ResolvedRun, { suitable, kinds, ready }: FleetParts): string[] {
  const { min, pool, backend } = spec.workers;
  const kind = `${backend === undefined ? '' : `${backend} `}workers in pool "${pool}"`;
  if (suitable.length < min)
    return [
      `The run needs ${min} ${kind}, there are ${suitable.length}: it will wait until more are started`,
    ];
  const most = largest(kinds).length;
  if (kinds.length > 1 && most < min)
    return [
      `The run needs ${min} ${kind} that compute alike, there are at most ${most} (${differencesIn(kinds)}): give them the same settings, versions and machines, or lower workers.min`,
    ];
  if (ready.length < min)
    return [`The run needs ${min} ${kind}, ${ready.length} of ${suitable.length} are idle now`];
  return [];
}

function memoryWarnings({ processBytes }: MemoryEstimate, workers: readonly Worker[]): string[] {
  const small = workers.filter(({ memoryBytes }) => memoryBytes < processBytes);
  if (small.length === 0) return [];
  const least = Math.min(...small.map(({ memoryBytes }) => memoryBytes));
  return [
    `About ${mebibytes(processBytes)} MiB are needed on each worker; ${small.length} have less (the smallest ${mebibytes(least)} MiB): ${memoryRemedy}, or use workers with more memory`,
  ];
}

/** Where no backend was asked for and no worker is ready, it may well become wasm: the one that needs nothing. */
function heapWarnings({ heapBytes }: MemoryEstimate, backend: Worker['backend'] | undefined): string[] {
  if (heapBytes <= WASM_HEAP_LIMIT_BYTES || (backend !== undefined && backend !== 'wasm')) return [];
  return [
    `About ${mebibytes(heapBytes)} MiB of tensors are needed on each worker, and the wasm backend ends at 4096 MiB: ${memoryRemedy}, or set workers.backend to another one`,
  ];
}

const mebibytes = (bytes: number): number => Math.round(bytes / 2 ** 20);
