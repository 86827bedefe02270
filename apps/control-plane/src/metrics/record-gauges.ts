/** Gauges that are read from the record at each scrape: runs, live runs, workers, queue. */
import { setTimeout } from 'node:timers/promises';
import type { Run, Worker } from '@triptych/protocol';
import { METRIC_PREFIX } from '@triptych/runtime';
import { Gauge, type Registry } from 'prom-client';
import { hasReadableSpec } from '../store/run-rows.ts';

/** Each rejects where its source is away; its gauges are then absent from that scrape. */
export interface GaugeSources {
  /** What the record says is told by the control plane that leads alone: sums over several would count it twice. */
  isLeading(): boolean;
  census(): Promise<readonly { status: string; architecture: string; pool: string; count: number }[]>;
  /** Of the waiting runs of each pool, backend and digest of numerics (empty: any) the fewest workers that one would start with. */
  demand(): Promise<readonly { pool: string; backend: string; numerics: string; workers: number }[]>;
  /** Runs that are under way or ended just now, with the time of their newest checkpoint. */
  recent(): Promise<readonly RecentRun[]>;
  workers(): Promise<readonly Worker[]>;
  queueDepth(): Promise<Readonly<Record<string, number>>>;
  /** Rejects where the database does not answer or cannot write. */
  ping(): Promise<void>;
  connections(): { total: number; idle: number; waiting: number };
  /** Of the volume that the artifacts are on; undefined where they are elsewhere. */
  artifactSpace(): Promise<{ readonly freeBytes: number; readonly totalBytes: number } | undefined>;
}

export interface RecentRun {
  readonly run: Run;
  readonly checkpoint?: { readonly bytes: number; readonly at: Date };
}

type Sample = readonly [value: number | undefined, labels?: Readonly<Record<string, string>>];

/** A source that does not answer must not make the whole scrape fail: Prometheus gives up after ten seconds by default. */
const PATIENCE_MS = 2000;

export function registerRecordGauges(registry: Registry, sources: GaugeSources): void {
  const gauges = <T>(read: () => Promise<T>, definitions: readonly GaugeDefinition<T>[]) => {
    // One reading serves all gauges of a scrape, whichever of them is collected first.
    let reading: Promise<T | undefined> | undefined;
    const shared = () => {
      reading ??= withinPatience(read).finally(() => {
        reading = undefined;
      });
      return reading;
    };
    for (const { name, help, labelNames = [], samples } of definitions)
      new Gauge({
        name: `${METRIC_PREFIX}${name}`,
        help,
        labelNames: [...labelNames],
        registers: [registry],
        async collect() {
          const state = await shared();
          this.reset();
          if (state === undefined) return;
          for (const [value, labels = {}] of samples(state)) if (value !== undefined) this.set(labels, value);
        },
      });
  };
  const gaugesOfLeader = <T>(read: () => Promise<T>, definitions: readonly GaugeDefinition<T>[]) =>
    gauges<T | undefined>(
      async () => (sources.isLeading() ? read() : undefined),
      definitions.map((one) => ({
        ...one,
        samples: (state) => (state === undefined ? [] : one.samples(state)),
      })),
    );
  gaugesOfLeader(sources.census, censusGauges);
  gaugesOfLeader(sources.demand, demandGauges);
  gaugesOfLeader(async () => (await sources.recent()).filter(isReadable), runGauges);
  gaugesOfLeader(sources.workers, workerGauges);
  gaugesOfLeader(sources.queueDepth, queueGauges);
  gaugesOfLeader(sources.artifactSpace, spaceGauges);
  gauges(async () => sources.connections(), connectionGauges);
  gauges(async () => sources.isLeading(), leaderGauges);
  gauges(async () => {
    const [database, queue] = await Promise.all([
      withinPatience(async () => sources.ping().then(() => true)),
      withinPatience(sources.queueDepth),
    ]);
    return { database: database !== undefined, queue: queue !== undefined };
  }, dependencyGauges);
}

/** A row that this release does not understand is the end of its run, and not of everybody's figures. */
const isReadable = ({ run }: RecentRun): boolean => hasReadableSpec(run);

/** Undefined where it fails, or takes too long. */
async function withinPatience<T>(read: () => Promise<T>): Promise<T | undefined> {
  const waiting = new AbortController();
  try {
    return await Promise.race([
      read(),
      setTimeout(PATIENCE_MS, undefined, { signal: waiting.signal, ref: false }),
    ]);
  } catch {
    return undefined;
  } finally {
    waiting.abort();
  }
}

interface GaugeDefinition<T> {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
  readonly samples: (state: T) => readonly Sample[];
}

type State<Source extends keyof GaugeSources> = Awaited<ReturnType<GaugeSources[Source]>>;

const censusGauges: GaugeDefinition<State<'census'>>[] = [
  {
    name: 'runs',
    help: 'Runs by status, architecture and pool',
    labelNames: ['status', 'architecture', 'pool'],
    samples: (rows) =>
      rows.map(({ status, architecture, pool, count }) => [count, { status, architecture, pool }]),
  },
];

const demandGauges: GaugeDefinition<State<'demand'>>[] = [
  {
    name: 'queued_run_workers_min',
    help: 'Fewest workers that a waiting run would start with, by pool, backend and numerics; where these are empty, any will do',
    labelNames: ['pool', 'backend', 'numerics'],
    samples: (rows) => rows.map(({ workers, ...labels }) => [workers, labels]),
  },
];

const perRun = (
  name: string,
  help: string,
  value: (run: Run) => number | undefined,
): GaugeDefinition<State<'recent'>> => ({
  name,
  help,
  labelNames: ['run'],
  samples: (recent) => recent.map(({ run }) => [value(run), { run: run.id }]),
});

const secondsOf = (time: string | undefined) => (time === undefined ? undefined : Date.parse(time) / 1000);

const runGauges: GaugeDefinition<State<'recent'>>[] = [
  {
    name: 'run_info',
    help: 'Runs that are under way or ended just now, and what they are; always 1',
    labelNames: ['run', 'name', 'model', 'dataset', 'status', 'pool'],
    samples: (recent) =>
      recent.map(({ run: { id, name = id, status, spec } }) => [
        1,
        { run: id, name, model: spec.model, dataset: spec.dataset, status, pool: spec.workers.pool },
      ]),
  },
  perRun('run_progress_ratio', 'Part of the steps that is done', (run) => run.progress.ratio),
  perRun('run_eta_seconds', 'Estimated time to the last step', (run) => run.progress.etaSeconds),
  perRun('run_step', 'Last committed step', (run) => run.progress.step),
  perRun('run_world_size', 'Workers of the live generation', (run) => run.worldSize),
  perRun('run_generation', 'Live generation', (run) => run.generation),
  perRun('run_loss', 'Loss of the last committed step', (run) => run.progress.loss),
  perRun('run_samples_per_second', 'Throughput', (run) => run.progress.samplesPerSecond),
  {
    name: 'run_score',
    help: 'Scores of runs that are under way or ended just now',
    labelNames: ['run', 'task', 'metric', 'stage'],
    samples: (recent) =>
      recent.flatMap(({ run }) =>
        run.scores.map(
          ({ task, metric, stage, value }) => [value, { run: run.id, task, metric, stage }] as const,
        ),
      ),
  },
  {
    name: 'run_first_step_timestamp_seconds',
    help: 'When the first step was committed, of runs that save checkpoints',
    labelNames: ['run'],
    samples: (recent) =>
      recent.map(({ run }) => [
        run.spec.checkpoint.everySteps > 0 ? secondsOf(run.firstStepAt) : undefined,
        { run: run.id },
      ]),
  },
  {
    name: 'checkpoint_last_success_timestamp_seconds',
    help: 'When the newest checkpoint was saved',
    labelNames: ['run'],
    samples: (recent) =>
      recent.map(({ run, checkpoint }) => [checkpoint && checkpoint.at.getTime() / 1000, { run: run.id }]),
  },
  {
    name: 'checkpoint_size_bytes',
    help: 'Size of the newest checkpoint',
    labelNames: ['run'],
    samples: (recent) => recent.map(({ run, checkpoint }) => [checkpoint?.bytes, { run: run.id }]),
  },
];

const workerGauges: GaugeDefinition<State<'workers'>>[] = [
  {
    name: 'workers',
    help: 'Workers by pool, state, backend and numerics: those of one numerics compute alike',
    labelNames: ['pool', 'state', 'backend', 'numerics'],
    samples: (workers) => {
      const groups = new Map<string, { labels: Record<string, string>; count: number }>();
      for (const { pool, state, backend, numerics } of workers) {
        const labels = { pool, state, backend, numerics: numerics?.digest ?? '' };
        const key = Object.values(labels).join(' ');
        const group = groups.get(key) ?? { labels, count: 0 };
        group.count += 1;
        groups.set(key, group);
      }
      return [...groups.values()].map(({ labels, count }) => [count, labels]);
    },
  },
  {
    name: 'worker_memory_bytes',
    help: 'Memory in use by a worker',
    labelNames: ['worker'],
    samples: (workers) => workers.map(({ id, memoryUsedBytes }) => [memoryUsedBytes, { worker: id }]),
  },
  {
    name: 'worker_event_loop_lag_seconds',
    help: 'Event-loop lag that a worker reported',
    labelNames: ['worker'],
    samples: (workers) => workers.map(({ id, eventLoopLagMs }) => [eventLoopLagMs / 1000, { worker: id }]),
  },
];

const queueGauges: GaugeDefinition<State<'queueDepth'>>[] = [
  {
    name: 'queue_depth',
    help: 'Jobs in the queue by state',
    labelNames: ['state'],
    samples: (depth) => Object.entries(depth).map(([state, count]) => [count, { state }]),
  },
];

const connectionGauges: GaugeDefinition<State<'connections'>>[] = [
  {
    name: 'database_connections',
    help: 'Connections of the pool by state, and requests that wait for one',
    labelNames: ['state'],
    samples: ({ total, idle, waiting }) => [
      [total - idle, { state: 'busy' }],
      [idle, { state: 'idle' }],
      [waiting, { state: 'waiting' }],
    ],
  },
];

const spaceGauges: GaugeDefinition<State<'artifactSpace'>>[] = [
  {
    name: 'artifact_volume_bytes',
    help: 'Size of the volume that the artifacts are on, and what of it is free',
    labelNames: ['state'],
    samples: (space) =>
      space === undefined
        ? []
        : [
            [space.freeBytes, { state: 'free' }],
            [space.totalBytes, { state: 'total' }],
          ],
  },
];

const leaderGauges: GaugeDefinition<boolean>[] = [
  {
    name: 'leader',
    help: 'Whether this control plane leads: 1, or 0 where it follows; 1 in sum over all of a database',
    samples: (isLeading) => [[isLeading ? 1 : 0]],
  },
];

const dependencyGauges: GaugeDefinition<Readonly<Record<string, boolean>>>[] = [
  {
    name: 'dependency_up',
    help: 'Whether what the control plane needs answers and has room: 1, or 0',
    labelNames: ['dependency'],
    samples: (up) => Object.entries(up).map(([dependency, isUp]) => [isUp ? 1 : 0, { dependency }]),
  },
];
