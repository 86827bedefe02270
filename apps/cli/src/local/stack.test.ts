/** The whole embedded stack as real processes, from the built files. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loginUrl } from './login-url.ts';
import type { Stack } from './options.ts';
import { isAlive } from './process-identity.ts';
import { startStack } from './stack.ts';
import { isOpen, launch } from './testing/launch.ts';

let home: string;
let stack: Stack | undefined;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'triptych-stack-'));
  // Open to PostgreSQL's own user, which it needs where the tests run as root.
  chmodSync(home, 0o755);
});

afterEach(async () => {
  await stack?.stop();
  stack = undefined;
  rmSync(home, { recursive: true });
});

async function workerStates(): Promise<Record<string, string>> {
  const headers = { authorization: `Bearer ${stack?.token}` };
  const response = await fetch(`${stack?.url}/v1/workers`, { headers });
  const { items } = (await response.json()) as { items: { id: string; state: string }[] };
  return Object.fromEntries(items.map(({ id, state }) => [id, state]));
}

describe('the embedded stack', () => {
  test('starts, survives the loss of each of its processes, and stops without a trace', async () => {
    stack = await startStack({ workers: 1, backend: 'cpu', home });
    await expect(startStack({ workers: 0, home })).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
    const [first] = stack.workers;
    expect(await workerStates()).toEqual({ [first!.workerId]: 'idle' });

    const before = stack.controlPlane.pid;
    await stack.restartControlPlane();
    expect(stack.controlPlane.pid).not.toBe(before);
    await expect.poll(async () => (await workerStates())[first!.workerId], { timeout: 20_000 }).toBe('idle');

    await stack.killWorker(0);
    expect(first!.alive).toBe(false);
    const second = await stack.addWorker();
    expect((await workerStates())[second.workerId]).toBe('idle');

    const pids = [stack.controlPlane.pid, second.pid];
    const ports = [stack.url, `http://${stack.grpcAddress}`, stack.databaseUrl].map((url) =>
      Number(new URL(url).port),
    );
    await stack.stop();
    expect(pids.filter(isAlive)).toEqual([]);
    expect(await Promise.all(ports.map(isOpen))).toEqual([false, false, false]);
  });

  test('starts again what dies by itself, at the same address, and says so', async () => {
    const said: string[] = [];
    const postmasters: number[] = [];
    stack = await startStack({
      ...{ workers: 1, backend: 'cpu', home },
      onEvent: ({ kind, process: name, pid, expected }) => {
        if (name === 'postgres' && kind === 'ready') postmasters.push(pid!);
        if (kind === 'restarting' || (kind === 'exited' && !expected)) said.push(`${name} ${kind}`);
      },
    });
    const { url, databaseUrl } = stack;
    const [first] = stack.workers;
    for (const pid of [postmasters[0]!, stack.controlPlane.pid, first!.pid]) process.kill(pid, 'SIGKILL');
    await expect.poll(() => stack?.workers[0]?.pid, { timeout: 30_000 }).not.toBe(first!.pid);
    const [second] = stack.workers;
    await expect
      .poll(async () => (await workerStates().catch((): Record<string, string> => ({})))[second!.workerId], {
        timeout: 30_000,
      })
      .toBe('idle');
    expect([stack.url, stack.databaseUrl]).toEqual([url, databaseUrl]);
    expect(postmasters).toHaveLength(2);
    for (const name of ['postgres', 'control-plane', 'worker-0']) {
      expect(said).toContain(`${name} exited`);
      expect(said).toContain(`${name} restarting`);
    }
  });

  test('kill -9 of the launcher ends every process; the next start on the same home works', async () => {
    const { launcher, pids, ports } = await launch('stack', home);
    expect(pids).toHaveLength(3);
    launcher.kill('SIGKILL');
    await expect.poll(() => pids.filter(isAlive), { timeout: 15_000 }).toEqual([]);
    expect((await Promise.all(ports.map(isOpen))).filter(Boolean)).toEqual([]);
    const token = readFileSync(join(home, 'token'), 'utf8').trim();
    expect(statSync(join(home, 'token')).mode & 0o777).toBe(0o600);
    stack = await startStack({ workers: 0, home });
    // The same token at the second start, and nothing without it.
    expect(stack.token).toBe(token);
    const { status } = await fetch(`${stack.url}/v1/workers`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(status).toBe(200);
    expect((await fetch(`${stack.url}/v1/workers`)).status).toBe(401);
    expect(await loginUrl(stack, new AbortController().signal)).toMatch(/\/#login=trip_\w{49}$/);
  });

  test('an abort during the start leaves nothing running', async () => {
    const controller = new AbortController();
    const pids: number[] = [];
    const starting = startStack({
      workers: 1,
      home,
      signal: controller.signal,
      onEvent: ({ kind, pid, process: name }) => {
        if (kind === 'starting' && pid !== undefined) pids.push(pid);
        if (name === 'control-plane') controller.abort(new Error('Ctrl-C'));
      },
    });
    await expect(starting).rejects.toThrow('Ctrl-C');
    expect(pids).toHaveLength(2);
    expect(pids.filter(isAlive)).toEqual([]);
  });
});
