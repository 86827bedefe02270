/**
 * Two control planes on one database, in the middle of a run: the one that leads is killed, ended, and stopped for a while. The run
 * goes on where it was, under the other one; nobody notices when the one that follows dies.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StackControlPlane } from '@triptych/cli/local';
import { TriptychClient } from '@triptych/client';
import { isTerminal } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startService } from './fixtures/service.ts';
import { tinySpec } from './fixtures/specs.ts';

const steps = 100;
let service: Service;
let undisturbed: string | undefined;
/** The model of the run that was not disturbed. */
let trained: string;

beforeAll(async () => {
  service = await startService({ workers: 2, controlPlanes: 2, backend: 'wasm' });
  const run = await service.run(tinySpec({ steps, workers: 1 }));
  undisturbed = run.weights?.sha256;
  trained = run.modelId as string;
  expect(undisturbed).toMatch(/^[0-9a-f]{64}$/);
});
afterAll(() => service?.close());

const clientOf = ({ url }: StackControlPlane) => new TriptychClient({ url, token: service.stack.token });

async function roleOf({ url }: StackControlPlane): Promise<string | undefined> {
  const answer = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2000) }).catch(
    () => undefined,
  );
  return answer?.ok ? ((await answer.json()) as { role: string }).role : undefined;
}

async function metric({ url }: StackControlPlane, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^triptych_${name} (.*)$`, 'm').exec(text)?.[1]);
}

/** Indices of the one that leads and the one that follows. */
async function places(): Promise<{ leading: number; following: number }> {
  let leading = -1;
  await expect
    .poll(
      async () => {
        const roles = await Promise.all(service.stack.controlPlanes.map(roleOf));
        leading = roles.indexOf('leader');
        return roles.toSorted();
      },
      { timeout: 40_000 },
    )
    .toEqual(['follower', 'leader']);
  return { leading, following: 1 - leading };
}

async function firstPicture(): Promise<string> {
  const scenes = join(service.home, 'scenes');
  const files = await readdir(scenes, { recursive: true });
  return join(scenes, files.filter((path) => /\.(png|jpe?g)$/.test(path)).sort()[0] as string);
}

const planeAt = (index: number) => service.stack.controlPlanes[index] as StackControlPlane;

/** A run on both workers, under way, submitted to the one that follows and followed there. */
async function begin(following: number) {
  const client = clientOf(planeAt(following));
  const spec = tinySpec({ steps, workers: 2, checkpointEvery: 20 });
  const { id } = await client.runs.create(spec);
  for await (const event of client.runs.events(id)) {
    if (event.type === 'progress' && Number(event.data['step']) >= 20) return { id, client };
    if (isTerminal(event.status)) throw new Error(`${id} ended before: ${event.message}`);
  }
  throw new Error(`${id} has no more events`);
}

/** Its first attempt is its last, with every step recorded once, and the same bits. */
async function endsUndisturbed(id: string, client: TriptychClient): Promise<void> {
  for await (const event of client.runs.events(id)) if (isTerminal(event.status)) break;
  const run = await client.runs.get(id);
  expect(run).toMatchObject({
    ...{ status: 'SUCCEEDED', progress: { step: steps }, weights: { sha256: undisturbed } },
    ...{ attempt: 1, generation: 1 },
  });
  const recorded = [];
  for await (const { step } of client.runs.stepMetrics(id)) recorded.push(step);
  expect(recorded).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
}

test('the one that follows answers everything: workers, predictions, cancels, collections; its death changes nothing', async () => {
  const { leading, following } = await places();
  const plane = planeAt(following);
  const client = clientOf(plane);
  const states = [];
  for await (const { state } of client.workers()) states.push(state);
  expect(states.filter((state) => state === 'idle')).toHaveLength(2);
  const image = (await readFile(await firstPicture())).toString('base64');
  const question = { kind: 'classify' as const, model: trained, image, labels: ['circle', 'square'] };
  const answer = await client.predictions.create(question);
  expect(answer).toMatchObject({ kind: 'classify', workerId: expect.stringMatching(/^worker-/) });
  const { workerId: _, seconds: __, ...ranking } = answer;
  expect(await clientOf(planeAt(leading)).predictions.create(question)).toMatchObject(ranking);
  await expect(client.predictions.create({ ...question, image: 'AAAA' })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
  });
  expect(await metric(plane, 'leader')).toBe(0);
  expect(await metric(planeAt(leading), 'leader')).toBe(1);
  const { id } = await begin(following);
  const waits = await client.runs.create(tinySpec({ steps: 2, workers: 1 }));
  await client.runs.cancel(id);
  for await (const event of client.runs.events(id)) if (isTerminal(event.status)) break;
  expect((await client.runs.get(id)).status).toBe('CANCELLED');
  for await (const event of client.runs.events(waits.id)) if (isTerminal(event.status)) break;
  expect((await client.runs.get(waits.id)).status).toBe('SUCCEEDED');
  await client.runs.delete(id);
  expect(await client.collectArtifacts()).toMatchObject({ kept: expect.any(Number) });

  const next = await begin(following);
  await service.stack.endControlPlane(following, 'SIGKILL');
  await endsUndisturbed(next.id, clientOf(planeAt(leading)));
  await service.stack.startControlPlane(following);
  expect(await roleOf(planeAt(following))).toBe('follower');
});

test.each(['SIGKILL', 'SIGTERM'] as const)('the leader ends (%s): the other one goes on', async (signal) => {
  const { leading, following } = await places();
  const { id, client } = await begin(following);
  const began = performance.now();
  const ended = service.stack.endControlPlane(leading, signal);
  await expect.poll(() => roleOf(planeAt(following)), { timeout: 20_000, interval: 50 }).toBe('leader');
  process.stdout.write(`took over ${((performance.now() - began) / 1000).toFixed(1)} s after ${signal}\n`);
  await endsUndisturbed(id, client);
  await ended;
  await service.stack.startControlPlane(leading);
  expect(await roleOf(planeAt(leading))).toBe('follower');
});

test('the leader stands still for 15 s: the other one goes on, and what the first one wakes up with is refused', async () => {
  const { leading, following } = await places();
  const { id, client } = await begin(following);
  const { pid } = planeAt(leading);
  process.kill(pid, 'SIGSTOP');
  const began = performance.now();
  await expect.poll(() => roleOf(planeAt(following)), { timeout: 40_000, interval: 100 }).toBe('leader');
  process.stdout.write(`took over ${((performance.now() - began) / 1000).toFixed(1)} s after SIGSTOP\n`);
  await delay(Math.max(0, 15_000 - (performance.now() - began)));
  process.kill(pid, 'SIGCONT');
  await expect.poll(() => roleOf(planeAt(leading)), { timeout: 20_000, interval: 50 }).toBe('follower');
  await endsUndisturbed(id, client);
  expect(planeAt(leading).pid).toBe(pid);
  const fenced = await metric(planeAt(leading), 'fenced_writes_total');
  process.stdout.write(`${fenced} late writes were refused\n`);
  const story = [];
  for await (const event of client.runs.events(id)) story.push(event);
  // In order, and of one owner after the other.
  const reattached = story.filter(({ message }) => message.includes('re-attached'));
  expect(reattached.length).toBeGreaterThan(0);
  const next = await clientOf(planeAt(leading)).runs.create(tinySpec({ steps: 2, workers: 2 }));
  expect(await service.finished(next.id)).toMatchObject({ status: 'SUCCEEDED', attempt: 1 });
});
