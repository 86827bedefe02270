/**
 * Processes that stand still and clocks that jump, in the middle of a run: it ends with the same weights, and nobody waits
 * afterwards. Seconds that a process stands still: 5, or `TRIPTYCH_FREEZE_SECONDS=1,10,30,90`.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startService } from './fixtures/service.ts';
import { tinySpec } from './fixtures/specs.ts';

const steps = 90;
const seconds = (process.env['TRIPTYCH_FREEZE_SECONDS'] ?? '5').split(',').map(Number);
const longest = (300 + 3 * Math.max(...seconds)) * 1000;

/** Debian's libfaketime moves the time of day of a process, and leaves the time that it counts alone, as a set clock does. */
const faketime = '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1';
const clocksMove = existsSync(faketime);
if (!clocksMove)
  process.stdout.write(`No clock is set: there is no ${faketime} (Debian: apt-get install libfaketime)\n`);
const clockFile = (name: string): string => join(tmpdir(), `triptych-clock-${process.pid}-${name}`);
const clockOf = (name: string): Record<string, string> =>
  clocksMove
    ? {
        LD_PRELOAD: faketime,
        FAKETIME_TIMESTAMP_FILE: clockFile(name),
        FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1',
      }
    : {};
/** As faketime reads it: an offset from the true time. */
const setClock = (name: string, offset: string) => writeFile(clockFile(name), `${offset}\n`);

let service: Service;
let undisturbed: string | undefined;

beforeAll(async () => {
  await Promise.all([setClock('control-plane', '+0'), setClock('worker', '+0')]);
  service = await startService({ workers: 2, backend: 'wasm', env: clockOf('control-plane') });
  undisturbed = (await service.run(tinySpec({ steps, workers: 1 }))).weights?.sha256;
  expect(undisturbed).toMatch(/^[0-9a-f]{64}$/);
});
afterAll(() => service?.close());

const frozen = {
  'the control plane': async () => [service.stack.controlPlane.pid],
  'a worker': async () => [service.stack.workers[1]!.pid],
  'every worker': async () => service.stack.workers.map(({ pid }) => pid),
  'the database': databaseProcesses,
};

test.each(seconds.flatMap((time) => Object.entries(frozen).map(([name, pids]) => ({ name, time, pids }))))(
  '$name stands still for $time s',
  async ({ time, pids }) => {
    const run = await begin();
    const processes = await pids();
    expect(processes.length).toBeGreaterThan(0);
    for (const pid of processes) process.kill(pid, 'SIGSTOP');
    await delay(time * 1000);
    for (const pid of processes) process.kill(pid, 'SIGCONT');
    await endsUndisturbed(run);
  },
  longest,
);

test.runIf(clocksMove).each(['+1h', '-1h'])(
  'the clocks of the control plane and of a worker are set (%s), each in its turn',
  async (offset) => {
    await service.stack.addWorker({ env: { ...clockOf('worker'), TRIPTYCH_POOL: poolOf(offset) } });
    const run = await begin(poolOf(offset));
    for (const clock of ['worker', 'control-plane']) {
      await setClock(clock, offset);
      await delay(1500);
    }
    await endsUndisturbed(run);
    for (const clock of ['worker', 'control-plane']) await setClock(clock, '+0');
    const next = await begin();
    await endsUndisturbed(next);
  },
  longest,
);

const poolOf = (offset: string): string => (offset.startsWith('+') ? 'ahead' : 'behind');

async function begin(pool = 'default'): Promise<string> {
  const spec = tinySpec({ steps, workers: 1, checkpointEvery: 20 });
  const max = pool === 'default' ? 2 : 1;
  const { id } = await service.client.runs.create({ ...spec, workers: { min: 1, max, pool } });
  await service.reached(id, 30);
  return id;
}

async function endsUndisturbed(id: string): Promise<void> {
  const run = await service.finished(id);
  expect(run).toMatchObject({
    ...{ status: 'SUCCEEDED', progress: { step: steps }, weights: { sha256: undisturbed } },
  });
  await expect.poll(busyWorkers, { timeout: 30_000 }).toEqual([]);
}

/** All that are not idle, but those that are gone. */
async function busyWorkers(): Promise<string[]> {
  const busy = [];
  for await (const { id, state } of service.client.workers())
    if (state !== 'idle' && state !== 'lost') busy.push(`${id} is ${state}`);
  return busy;
}

/** The server and each of its connections. */
async function databaseProcesses(): Promise<number[]> {
  const folder = new URL(service.stack.databaseUrl).port;
  const all = await Promise.all((await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(processOf));
  const server = all.find((one) => one?.command.includes('postgres') && one.command.includes(folder));
  return all.flatMap((one) =>
    one && server && (one === server || one.parent === server.pid) ? [one.pid] : [],
  );
}

async function processOf(pid: string) {
  try {
    const [command, status] = await Promise.all([
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
    ]);
    return { pid: Number(pid), command, parent: Number(/PPid:\s+(\d+)/.exec(status)?.[1]) };
  } catch {
    return undefined;
  }
}
