/** What may grow with the number of runs, by how much, and why. Everything that is measured has a bound, or is told and not judged. Pure. */
import type { Vitals } from './vitals.ts';

export interface Bound {
  /** A name of {@link Vitals}, or of all that begin with it where it ends in a space. */
  readonly figure: string;
  /** Growth that 1,000 runs may bring. */
  readonly perThousand: number;
  /** What comes and goes without any run: growth below it says nothing. */
  readonly slack: number;
  readonly why: string;
}

export interface Finding {
  readonly figure: string;
  readonly first: number;
  readonly last: number;
  readonly perThousand: number;
  readonly bound?: Bound;
  readonly isBroken: boolean;
}

export interface RecordOfRuns {
  /** Steps of the longest run. */
  readonly steps: number;
  readonly checkpoints: number;
}

/** While nothing of the record is thrown away. */
export function boundsOf({ steps, checkpoints }: RecordOfRuns): readonly Bound[] {
  const inMemory = 'what this process remembers belongs to runs and workers that live';
  const perRun = (table: string, rows: number, why: string): Bound => ({
    ...{ figure: `rows ${table}`, perThousand: rows * 1000, slack: 5, why },
  });
  return [
    // A leak of one small object a run, with what it refers to, is some kilobytes.
    {
      figure: 'heap MiB',
      perThousand: 0.5,
      slack: 6,
      why: `${inMemory}; the slack: caches and compiled code`,
    },
    { figure: 'external MiB', perThousand: 0.5, slack: 4, why: inMemory },
    { figure: 'RSS MiB', perThousand: 20, slack: 120, why: 'the allocator keeps what a burst needed once' },
    {
      figure: 'file descriptors',
      perThousand: 0,
      slack: 40,
      why: 'connections of workers that came, and a pool',
    },
    { figure: 'sockets', perThousand: 0, slack: 40, why: 'connections of workers that came, and a pool' },
    { figure: 'threads', perThousand: 0, slack: 4, why: 'a pool' },
    { figure: 'timers', perThousand: 0, slack: 40, why: 'a few for each worker and connection' },
    {
      ...{ figure: 'metric series', perThousand: 0, slack: 400 },
      why: 'of runs the latest 20 that ended, of workers those there are; a route and status seen first adds 12',
    },
    { figure: 'scrape KiB', perThousand: 0, slack: 48, why: 'the series' },
    { figure: 'database connections', perThousand: 0, slack: 12, why: 'pools' },
    { figure: 'queue rows', perThousand: 0, slack: 20, why: 'a job goes with the end of its run' },
    {
      figure: 'artifact files',
      perThousand: 4000 + checkpoints * 1000,
      slack: 60,
      why: 'model and checkpoints, until they are collected',
    },
    {
      figure: 'artifact MiB',
      perThousand: 12 + checkpoints * 4,
      slack: 4,
      why: 'model and checkpoints, until they are collected',
    },
    { figure: 'database MiB', perThousand: 30, slack: 8, why: 'about 20 KB a run with its indices' },
    perRun('runs', 1, 'the record'),
    perRun('run_events', 25, 'changes of state, checkpoints and scores; of progress one'),
    perRun('step_metrics', steps, 'one a step, up to a limit'),
    perRun('attempts', 1.3, 'one, and one for each loss of a worker or failure'),
    perRun('assignments', 2, 'one for each rank and attempt'),
    perRun('checkpoints', checkpoints, 'one each'),
    perRun('scores', 2, 'as many as tasks have metrics'),
    perRun('models', 1, 'one for each run that succeeded, until it is deleted'),
    perRun('audit_entries', 3, 'one for each act, for a year'),
    perRun('workers', 0.1, 'one for each worker that came, for a week'),
    perRun('datasets', 0.02, 'those that runs of the past were trained on'),
    // Migrations, tokens, logins: whatever table there is.
    { figure: 'rows ', perThousand: 0, slack: 5, why: 'nothing of it belongs to runs' },
  ];
}

/** When a day has passed: what is left is what there was before the first run. */
export const boundsAfterRetention: readonly Bound[] = [
  ...['runs', 'run_events', 'step_metrics', 'attempts', 'assignments', 'checkpoints', 'scores', 'models'].map(
    (table): Bound => ({
      figure: `rows ${table}`,
      perThousand: 0,
      slack: 0,
      why: 'the record of runs has gone with them',
    }),
  ),
  { figure: 'rows workers', perThousand: 0, slack: 0, why: 'workers of long ago are forgotten' },
  { figure: 'queue rows', perThousand: 0, slack: 20, why: 'a job goes with the end of its run' },
  { figure: 'artifact files', perThousand: 0, slack: 0, why: 'nothing refers to them' },
  { figure: 'artifact MiB', perThousand: 0, slack: 0.1, why: 'nothing refers to them' },
];

/** @param runs how many came between the two */
export function judge(
  { first, last, runs }: { readonly first: Vitals; readonly last: Vitals; readonly runs: number },
  bounds: readonly Bound[],
): readonly Finding[] {
  return Object.keys(last).map((figure) => {
    const [from, to] = [first[figure] ?? 0, last[figure] ?? 0];
    const bound =
      bounds.find((one) => one.figure === figure) ??
      bounds.find((one) => one.figure.endsWith(' ') && figure.startsWith(one.figure));
    const growth = to - from;
    const isBroken = bound !== undefined && growth > bound.slack + (bound.perThousand * runs) / 1000;
    const perThousand = runs > 0 ? (growth * 1000) / runs : growth;
    return { figure, first: from, last: to, perThousand, ...(bound && { bound }), isBroken };
  });
}
