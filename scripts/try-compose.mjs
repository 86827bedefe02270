/**
 * Tries docker-compose.yml on a real engine: disturbs a run in every way that an operator might, and compares each run's weights with
 * those of an undisturbed one. Not part of the tests, for it needs Docker or podman; images must have been built.
 *
 *   node scripts/try-compose.mjs [--steps 400] [--only control-plane,redis] [--tls] [--keep]
 *
 * COMPOSE (default "docker compose") and ENGINE (default "docker") name the commands. `--health-checks` runs the containers' health
 * checks, for podman without systemd. `--tls` lays deploy/compose/tls.yml over it, with certificates made for the occasion. The project is called triptych-try: its volumes are removed at the end, unless --keep is given.
 */
import { execFileSync, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { at, root } from './bootstrap/repository.mjs';

const { values: options } = parseArgs({
  options: {
    steps: { type: 'string', default: '400' },
    only: { type: 'string', default: '' },
    tls: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    'health-checks': { type: 'boolean', default: false },
    'only-health-checks': { type: 'boolean', default: false },
  },
});
const WORKERS = 4;
const DEADLINE_MS = 300_000;
const POLL_MS = 500;
const PROJECT = 'triptych-try';
const URL_BASE = 'http://127.0.0.1:8080';
const ENDS = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED']);

const words = (name, byDefault) => (process.env[name] ?? byDefault).split(' ');
function run([program, ...first], parameters) {
  return execFileSync(program, [...first, ...parameters], {
    cwd: root,
    env: { ...process.env, TRIPTYCH_SECRETS: secrets },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }).trim();
}
// Of the operator's own there are none here.
const secrets = options['only-health-checks'] ? '' : mkdtempSync(join(tmpdir(), 'triptych-try-'));
const files = ['docker-compose.yml', ...(options.tls ? ['deploy/compose/tls.yml'] : [])].flatMap((file) => [
  '-f',
  file,
]);
const compose = (...parameters) =>
  run(words('COMPOSE', 'docker compose'), [...files, '-p', PROJECT, ...parameters]);
const engine = (...parameters) => run(words('ENGINE', 'docker'), parameters);
const triptych = (...parameters) => run([process.execPath, 'apps/cli/dist/main.js'], parameters);
const containers = (service) => compose('ps', '-q', service).split('\n').filter(Boolean);
const scale = (workers) =>
  compose('up', '-d', '--no-build', '--no-recreate', '--scale', `worker=${workers}`, 'worker');
const addressOf = (service) =>
  engine(
    'inspect',
    '-f',
    '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}',
    containers(service)[0],
  );

/** What happens in the middle of a run, and how many attempts and generations it may cost. */
const disturbances = {
  none: { act: () => '', attempts: 1 },
  'control-plane restarted': { act: () => void compose('restart', 'control-plane'), attempts: 1 },
  'control-plane created anew': { act: () => recreated('control-plane'), attempts: 1 },
  'redis restarted': { act: () => void compose('restart', 'redis'), attempts: 1 },
  'redis created anew': { act: () => recreated('redis'), attempts: 1 },
  'postgres restarted': { act: () => void compose('restart', 'postgres'), attempts: 1 },
  'postgres created anew': { act: () => recreated('postgres'), attempts: 1 },
  'worker killed': {
    act: () => void engine('kill', '--signal', 'KILL', containers('worker')[0]),
    attempts: 3,
  },
  'workers 4, 2, 5': { act: scaledTwice, attempts: 4 },
};

function recreated(service) {
  const before = addressOf(service);
  compose('rm', '--stop', '--force', service);
  // Takes the address that was given back.
  const holder = engine(
    'run',
    '-d',
    '--network',
    `${PROJECT}_${service === 'control-plane' ? 'fleet' : 'data'}`,
    'triptych/worker',
    'sleep',
    '60',
  );
  compose('up', '-d', '--no-build', '--no-recreate', '--no-deps', service);
  engine('rm', '-f', '-t', '0', holder);
  return `${before.trim()} -> ${addressOf(service).trim()}`;
}

async function scaledTwice() {
  scale(2);
  await delay(8_000);
  scale(5);
}

let token = '';
async function ask(path, init = {}) {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const response = await fetch(URL_BASE + path, { ...init, headers, signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
/** Asks until there is an answer: the control plane may be away. */
async function askOn(path) {
  for (const end = Date.now() + DEADLINE_MS; ; await delay(POLL_MS)) {
    try {
      return await ask(path);
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

async function idleWorkers() {
  const { items } = await askOn('/v1/workers');
  return items.filter(({ state }) => state === 'idle').length;
}

async function awaitIdle(count) {
  for (const end = Date.now() + DEADLINE_MS; (await idleWorkers()) < count; await delay(POLL_MS)) {
    if (Date.now() > end) throw new Error(`fewer than ${count} workers are idle`);
  }
}

async function awaitDataset(name) {
  for (const end = Date.now() + DEADLINE_MS; ; await delay(POLL_MS)) {
    const { status, progress } = await askOn(`/v1/datasets/${name}`);
    if (status === 'READY') return;
    if (status === 'INVALID' || Date.now() > end)
      throw new Error(`${name} is ${status}: ${JSON.stringify(progress)}`);
  }
}

const spec = (name) => ({
  ...{ name, model: 'clip-tiny', dataset: 'scenes', seed: 11, duration: { steps: Number(options.steps) } },
  ...{
    batch: { global: 28, shards: 7 },
    checkpoint: { everySteps: 40 },
    evaluation: { tasks: [], baseline: false },
  },
  workers: { min: 1, max: WORKERS },
});

/** One run with one disturbance after a quarter of it; `waited`: seconds that it stood in the queue beside workers that were idle. */
async function attempt(name, { act }) {
  const started = Date.now();
  const { id } = await ask('/v1/runs', {
    method: 'POST',
    body: JSON.stringify(spec(`${name.replaceAll(/\W+/g, '-')}-${started}`)),
  });
  let [disturbed, note, waited, last] = [false, '', 0, Date.now()];
  for (;;) {
    const state = await askOn(`/v1/runs/${id}`);
    const now = Date.now();
    if (state.status === 'QUEUED' && (await idleWorkers()) > 0) waited += now - last;
    last = now;
    if (!disturbed && state.progress.step >= Number(options.steps) / 4) {
      disturbed = true;
      note = (await act()) ?? '';
    }
    if (ENDS.has(state.status)) return { ...state, note, waited, seconds: (now - started) / 1000 };
    if (now - started > DEADLINE_MS)
      return { ...state, note: `${note} not finished`, waited, seconds: (now - started) / 1000 };
    await delay(POLL_MS);
  }
}

function checkHealth() {
  const ids = engine('ps', '-q', '--filter', `label=com.docker.compose.project=${PROJECT}`)
    .split('\n')
    .filter(Boolean);
  for (const id of ids) {
    try {
      engine('healthcheck', 'run', id);
    } catch {
      // Not healthy yet, or it has no check.
    }
  }
}

async function withHealthChecks(work) {
  if (!options['health-checks']) return work();
  const checker = fork(fileURLToPath(import.meta.url), ['--only-health-checks']);
  try {
    return await work();
  } finally {
    checker.kill();
  }
}

async function main() {
  const samples = at('datasets', 'try-compose');
  mkdirSync(at('datasets'), { recursive: true });
  triptych('datasets', 'sample', samples, '--images', '200', '--seed', '1');
  if (options.tls) triptych('certificates', '--out', join(secrets, 'certificates'), '--days', '2');
  const begin = Date.now();
  compose('up', '-d', '--no-build', '--scale', `worker=${WORKERS}`, 'control-plane', 'worker');
  token = compose('exec', '-T', 'control-plane', 'cat', '/run/triptych/admin/token');
  // Compose of the first generation does not wait for it.
  await askOn('/health/ready');
  await ask('/v1/datasets', {
    method: 'POST',
    body: JSON.stringify({ name: 'scenes', path: '/datasets/try-compose' }),
  });
  await awaitDataset('scenes');
  await awaitIdle(WORKERS);
  const { items } = await askOn('/v1/workers');
  console.log(
    `ready in ${((Date.now() - begin) / 1000).toFixed(0)} s; memory of a worker ${(items[0].memoryBytes / 2 ** 30).toFixed(1)} GiB`,
  );
  console.log(
    '| disturbance | end | attempt | generation | weights | queued beside idle workers | seconds | |\n|---|---|---|---|---|---|---|---|',
  );
  let [undisturbed, wrong] = [undefined, 0];
  for (const [name, disturbance] of Object.entries(disturbances)) {
    if (name !== 'none' && !options.only.split(',').some((part) => name.includes(part))) continue;
    await awaitIdle(WORKERS);
    const end = await attempt(name, disturbance);
    undisturbed ??= end.weights?.sha256;
    const same = end.weights?.sha256 !== undefined && end.weights.sha256 === undisturbed;
    const good =
      end.status === 'SUCCEEDED' && same && end.attempt <= disturbance.attempts && end.waited < 10_000;
    if (!good) wrong += 1;
    const weights = same
      ? `${undisturbed.slice(0, 8)}, the same`
      : String(end.weights?.sha256 ?? 'none').slice(0, 8);
    const cells = [
      name,
      end.status,
      end.attempt,
      end.generation,
      weights,
      `${(end.waited / 1000).toFixed(1)} s`,
      end.seconds.toFixed(0),
    ];
    console.log(`| ${[...cells, [good ? '' : 'WRONG', end.note].filter(Boolean).join(' ')].join(' | ')} |`);
    scale(WORKERS);
  }
  return wrong;
}

if (options['only-health-checks']) {
  for (;;) {
    checkHealth();
    await delay(1_000);
  }
}
try {
  process.exitCode = (await withHealthChecks(main)) === 0 ? 0 : 1;
} finally {
  if (!options.keep) {
    compose('down', '--volumes', '--timeout', '5');
    rmSync(at('datasets', 'try-compose'), { recursive: true, force: true });
    rmSync(secrets, { recursive: true, force: true });
  }
}
