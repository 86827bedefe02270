/**
 * A day in minutes: a real control plane, with its real database and queue, through thousands of short runs on hundreds of workers that
 * come and go. Says what grew with the runs, and ends with code 1 where that is more than it may.
 * `npm run soak -- [--runs 5000] [--workers 200] [--rounds 5] [--json FILE] [--snapshot FOLDER] [--redis URL]`.
 * What is no part of it: tensors (workers rehearse, on the real protocol) and several control planes.
 */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { TriptychClient } from '@triptych/client';
import { writeScenes } from '@triptych/datasets';
import { startStack } from '../local/index.ts';
import { boundsAfterRetention, boundsOf, judge } from './soak/bounds.ts';
import { FleetProcess } from './soak/fleet-process.ts';
import { Latencies, quantilesOf } from './soak/latencies.ts';
import { bearLoad, firstStepAlone, type LoadResult } from './soak/load.ts';
import { findingsTable, latencyTable, line } from './soak/report.ts';
import { letTimePass } from './soak/retention.ts';
import { readProbe, readVitals, type Vitals } from './soak/vitals.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5000' },
    workers: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
    snapshot: { type: 'string' },
    redis: { type: 'string' },
  },
});
const [runs, workers, rounds] = [values.runs, values.workers, values.rounds].map(Number) as [
  number,
  number,
  number,
];
if (
  ![runs, workers, rounds].every((count) => Number.isInteger(count) && count > 0) ||
  rounds < 2 ||
  runs < rounds * 10
) {
  process.stderr.write(
    '--runs, --workers and --rounds are whole numbers; at least 2 rounds, of 10 runs each\n',
  );
  process.exit(2);
}

const STEPS = 6;
const CHECKPOINT_EVERY = 3;
/** Two streams each; a control plane has at most 500 open. */
const FOLLOWED_AT_ONCE = 200;
/** Longer than the lease of a worker that was killed, and than a scrape's caches. */
const SETTLE_MS = 8_000;

const home = await mkdtemp(join(tmpdir(), 'triptych-soak-'));
// As root, PostgreSQL runs as another user: where that one cannot read the home, its data would lie elsewhere and stay.
await chmod(home, 0o755);
const scenes = join(home, 'scenes');
const others = join(home, 'others');
await writeScenes({ path: scenes, images: 60, seed: 1 });
// Other content: a dataset of which a run has the bytes is in use.
await writeScenes({ path: others, images: 60, seed: 2 });
const probePath = join(home, 'probe.sock');
const probe = new URL('./soak/probe.js', import.meta.url).href;
const stack = await startStack({
  home: join(home, 'state'),
  workers: 0,
  env: {
    NODE_OPTIONS: `--expose-gc --import ${probe}`,
    SOAK_PROBE: probePath,
    TRIPTYCH_REQUESTS_PER_MINUTE: '1000000',
    TRIPTYCH_RETENTION_RUN_DAYS: '1',
    TRIPTYCH_RETENTION_GRACE_MINUTES: '1',
    ...(values.redis && { QUEUE_URL: values.redis }),
  },
});
let fleet: FleetProcess | undefined;
try {
  const latencies = new Latencies();
  const client = new TriptychClient({ url: stack.url, token: stack.token, fetch: latencies.fetch });
  await client.datasets.register({ name: 'scenes', path: scenes });
  await client.datasets.ready('scenes');
  const before = await readVitals({ stack, probePath });
  note('the service is up');
  const { config } = await client.models.get('clip-tiny');
  fleet = new FleetProcess({
    ...{ stack, workers, stepMs: 25, config: JSON.stringify(config) },
    joinTokenFile: join(stack.home, 'join-token'),
    // So that as many come again as there are, over all runs.
    trainings: Math.max(3, Math.round(runs / workers)),
  });
  await fleet.complete();
  note(`${workers} workers are there`);

  const samples: Vitals[] = [];
  const results: LoadResult[] = [];
  const alone: number[] = [];
  const load = { client, steps: STEPS, checkpointEvery: CHECKPOINT_EVERY, followedAtOnce: FOLLOWED_AT_ONCE };
  for (let round = 0; round < rounds; round++) {
    const perRound = Math.floor(runs / rounds);
    const [result] = await Promise.all([
      bearLoad({ ...load, runs: perRound, firstSeed: 100 + round * perRound }),
      registerDatasets(round),
    ]);
    results.push(result);
    for (let i = 0; i < 3; i++) alone.push(await firstStepAlone(load, 1_000_004 + (round * 3 + i) * 20));
    // The figure of the time under load.
    const { loopDelayMs } = await readProbe(probePath);
    await delay(SETTLE_MS);
    const vitals = await readVitals({ stack, probePath });
    samples.push({ ...vitals, 'loop delay p99 ms': loopDelayMs.p99, 'loop delay max ms': loopDelayMs.max });
    if (values.snapshot && (round === 0 || round === rounds - 1))
      await readProbe(
        probePath,
        `/snapshot?${encodeURIComponent(join(values.snapshot, `round-${round}.heapsnapshot`))}`,
      );
    print(line(round, result, samples.at(-1)!));
  }
  const { census } = fleet;
  await fleet.end();
  note('the fleet has left');
  const retentionSeconds = await letTimePass({ stack, client });
  const afterwards = await readVitals({ stack, probePath });

  const counted = Math.floor(runs / rounds) * (rounds - 1);
  const findings = judge(
    { first: samples[0]!, last: samples.at(-1)!, runs: counted },
    boundsOf({ steps: STEPS, checkpoints: STEPS / CHECKPOINT_EVERY }),
  );
  const left = judge({ first: before, last: afterwards, runs }, boundsAfterRetention);
  const surprises = [
    ...results.flatMap((result) => result.surprises),
    ...[...latencies.refused]
      .filter(([what]) => !what.startsWith('404') && !what.startsWith('409'))
      .map(([what, count]) => `${count} answers were ${what}`),
  ];
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  const result = {
    ...{
      runs,
      workers,
      rounds,
      cpus: cpus().length,
      node: process.version,
      queue: values.redis ? 'redis' : 'postgres',
    },
    runsPerSecond: (Math.floor(runs / rounds) * rounds) / seconds,
    firstStepAloneMs: quantilesOf(alone),
    firstStepMs: quantilesOf(results.flatMap(({ firstStepMs }) => firstStepMs)),
    ...{ census, results, samples, before, afterwards, retentionSeconds },
    latencies: {
      all: latencies.all(),
      byRoute: latencies.byRoute(),
      refused: Object.fromEntries(latencies.refused),
    },
    ...{ findings, left, surprises },
  };
  if (values.json) await writeFile(values.json, `${JSON.stringify(result, null, 2)}\n`);
  print(`\nWhat grew from the end of the first round to that of the last, over ${counted} runs`);
  print(findingsTable(findings));
  print(
    `\nWhat is left after retention (${retentionSeconds.toFixed(1)} s), beside what there was before the first run`,
  );
  print(findingsTable(left.filter(({ bound }) => bound)));
  print(`\n${latencyTable(result.latencies)}`);
  print(
    `\n${runs} runs, ${result.runsPerSecond.toFixed(1)} a second; ${workers} workers, of which ${census.started - workers} came later, ${census.killed} were killed, ${census.left} left`,
  );
  const { firstStepAloneMs: idle } = result;
  print(
    `from POST to the first step of ${idle.count} runs that waited for nothing: p50 ${idle.p50} ms, slowest ${idle.max} ms`,
  );
  const broken = [...findings, ...left].filter(({ isBroken }) => isBroken);
  for (const { figure, first, last, perThousand, bound } of broken)
    print(
      `BROKEN: ${figure} went from ${first.toFixed(1)} to ${last.toFixed(1)}, ${perThousand.toFixed(1)} for 1,000 runs; allowed are ${bound!.perThousand} and ${bound!.slack} once: ${bound!.why}`,
    );
  for (const surprise of surprises.slice(0, 20)) print(`SURPRISE: ${surprise}`);
  if (surprises.length > 20) print(`... and ${surprises.length - 20} more`);
  if (broken.length + surprises.length > 0) process.exitCode = 1;
  else print('Everything is within its bounds.');

  async function registerDatasets(round: number): Promise<void> {
    for (const name of ['a', 'b'].map((letter) => `scenes-${round}-${letter}`)) {
      await client.datasets.register({ name, path: others });
      await client.datasets.ready(name);
      await client.datasets.delete(name);
    }
  }
} finally {
  await fleet?.end();
  await stack.stop();
  await rm(home, { recursive: true, force: true });
}

function note(what: string): void {
  print(`${(performance.now() / 1000).toFixed(1).padStart(6)} s  ${what}`);
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
