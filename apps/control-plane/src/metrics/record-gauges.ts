/** Gauges that are read from the record at each scrape: runs, live runs, workers, queue. */
import type { Run, Worker } from '@triptych/protocol';
import { METRIC_PREFIX } from '@triptych/runtime';
import { Gauge, type Registry } from 'prom-client';

/** Each rejects where its source is away; its gauges are then absent from that scrape. */
export interface GaugeSources {
  census(): Promise<readonly { status: string; architecture: string; pool: string; count: number }[]>;
  /** Runs that hold or want workers right now, with the time of their newest checkpoint. */
  live(): Promise<readonly LiveRun[]>;
  workers(): Promise<readonly Worker[]>;
  queueDepth(): Promise<Readonly<Record<string, number>>>;
  connections(): { total: number; idle: number; waiting: number };
}

export interface LiveRun {
  readonly run: Run;
  readonly checkpoint?: { readonly bytes: number; readonly at: Date };
}

type Sample = readonly [value: number | undefined, labels?: Readonly<Record<string, string>>];

export function registerRecordGauges(registry: Registry, sources: GaugeSources): void {
  const gauges = <T>(read: () => Promise<T>, definitions: readonly GaugeDefinition<T>[]) => {
    // One reading serves all gauges of a scrape, whichever of them is collected first.
    let reading: Promise<T | undefined> | undefined;
    const shared = () => {
      reading ??= read()
        .catch(() => undefined)
        .finally(() => {
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
  gauges(sources.census, censusGauges);
  gauges(sources.live, runGauges);
  gauges(sources.workers, workerGauges);
  gauges(sources.queueDepth, queueGauges);
  gauges(async () => sources.connections(), connectionGauges);
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

const perRun = (
  name: string,
  help: string,
  value: (run: Run) => number | undefined,
): GaugeDefinition<State<'live'>> => ({
  name,
  help,
  labelNames: ['run'],
  samples: (live) => live.map(({ run }) => [value(run), { run: run.id }]),
});

const runGauges: GaugeDefinition<State<'live'>>[] = [
  {
    name: 'run_info',
    help: 'Live runs and what they are; always 1',
    labelNames: ['run', 'name', 'model', 'dataset', 'status', 'pool'],
    samples: (live) =>
      live.map(({ run: { id, name = '', status, spec } }) => [
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
    help: 'Scores of live runs',
    labelNames: ['run', 'task', 'metric', 'stage'],
    samples: (live) =>
      live.flatMap(({ run }) =>
        run.scores.map(
          ({ task, metric, stage, value }) => [value, { run: run.id, task, metric, stage }] as const,
        ),
      ),
  },
  {
    name: 'checkpoint_last_success_timestamp_seconds',
    help: 'When the newest checkpoint was saved',
    labelNames: ['run'],
    samples: (live) =>
      live.map(({ run, checkpoint }) => [checkpoint && checkpoint.at.getTime() / 1000, { run: run.id }]),
  },
  {
    name: 'checkpoint_size_bytes',
    help: 'Size of the newest checkpoint',
    labelNames: ['run'],
    samples: (live) => live.map(({ run, checkpoint }) => [checkpoint?.bytes, { run: run.id }]),
  },
];

const workerGauges: GaugeDefinition<State<'workers'>>[] = [
  {
    name: 'workers',
    help: 'Workers by pool, state and backend',
    labelNames: ['pool', 'state', 'backend'],
    samples: (workers) => {
      const groups = new Map<string, { labels: Record<string, string>; count: number }>();
      for (const { pool, state, backend } of workers) {
        const group = groups.get(`${pool} ${state} ${backend}`) ?? {
          labels: { pool, state, backend },
          count: 0,
        };
        group.count += 1;
        groups.set(`${pool} ${state} ${backend}`, group);
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
