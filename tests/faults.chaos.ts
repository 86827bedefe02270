/** Real signals to real processes in the middle of a run: it ends all the same, and with the same weights. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Direction, Wire } from '../apps/control-plane/src/testing/wire.ts';
import { type Service, startService } from './fixtures/service.ts';
import { tinySpec } from './fixtures/specs.ts';

const steps = 150;
let service: Service;
let undisturbed: string | undefined;

beforeAll(async () => {
  service = await startService({ workers: 3, backend: 'wasm' });
  const run = await service.run(tinySpec({ steps, workers: 1 }));
  undisturbed = run.weights?.sha256;
  expect(undisturbed).toMatch(/^[0-9a-f]{64}$/);
});
afterAll(() => service?.close());

test('the control plane is killed and comes back: the workers went on, the run ends with the same weights', async () => {
  const { id } = await service.client.runs.create(tinySpec({ steps, workers: 2, checkpointEvery: 20 }));
  await service.reached(id, 20);
  await service.stack.restartControlPlane('SIGKILL');
  const run = await service.finished(id);
  expect(run).toMatchObject({
    status: 'SUCCEEDED',
    progress: { step: steps },
    weights: { sha256: undisturbed },
  });
  // Re-attached, not started again: the generation that the first supervisor placed is the one that finished.
  expect(run).toMatchObject({ attempt: 1, generation: 1 });
  const recorded = [];
  for await (const metric of service.client.runs.stepMetrics(id)) recorded.push(metric.step);
  expect(recorded).toEqual(Array.from({ length: steps }, (_, index) => index + 1));
});

test('a worker is killed: the run resumes from its checkpoint on the others and ends with the same weights', async () => {
  const spec = { ...tinySpec({ steps, workers: 2, checkpointEvery: 20 }), workers: { min: 1, max: 2 } };
  const { id } = await service.client.runs.create(spec);
  await service.reached(id, 45);
  const victim = await assignedWorker(id);
  await service.stack.killWorker(victim, 'SIGKILL');
  const run = await service.finished(id);
  expect(run).toMatchObject({
    status: 'SUCCEEDED',
    progress: { step: steps },
    weights: { sha256: undisturbed },
  });
  expect(run.attempt).toBeGreaterThan(1);
});

/**
 * By default one cut that is longer than a lease. `TRIPTYCH_CUT_SECONDS=70` (longer than a worker goes on alone) also cuts the other
 * direction, and before the first step.
 */
const cutSeconds = process.env['TRIPTYCH_CUT_SECONDS'];
const directions: readonly Direction[] = cutSeconds ? ['there', 'back'] : ['there'];
const cutAtSteps = cutSeconds ? [0, 30] : [30];

test.each(directions)(
  'packets between a worker and the control plane do not arrive for a while (%s): the same weights, and nobody waits',
  async (direction) => {
    const wire = await Wire.to(Number(service.stack.grpcAddress.split(':').at(-1)));
    try {
      const pool = `cut-${direction}`;
      const { workerId } = await service.stack.addWorker({
        env: { TRIPTYCH_CONTROL: `127.0.0.1:${wire.port}`, TRIPTYCH_POOL: pool },
      });
      const spec = {
        ...tinySpec({ steps, workers: 1, checkpointEvery: 20 }),
        workers: { min: 1, max: 1, pool },
      };
      for (const step of cutAtSteps) {
        const { id } = await service.client.runs.create(spec);
        if (step > 0) await service.reached(id, step);
        wire.cut(direction);
        await delay(Number(cutSeconds ?? 8) * 1000);
        wire.heal();
        expect(await service.finished(id)).toMatchObject({
          ...{ status: 'SUCCEEDED', progress: { step: steps }, weights: { sha256: undisturbed } },
        });
        await expect.poll(() => stateOf(workerId), { timeout: 30_000 }).toBe('idle');
      }
    } finally {
      wire.close();
    }
  },
  cutSeconds ? 1_800_000 : undefined,
);

async function stateOf(workerId: string): Promise<string> {
  for await (const worker of service.client.workers()) if (worker.id === workerId) return worker.state;
  return 'unknown';
}

test('cancelling a running run ends it and frees its workers', async () => {
  const { id } = await service.client.runs.create({ ...tinySpec({ steps: 100_000, workers: 1 }) });
  await service.reached(id, 3);
  await service.client.runs.cancel(id);
  expect((await service.finished(id)).status).toBe('CANCELLED');
  const next = await service.run(tinySpec({ steps: 2, workers: 1 }));
  expect(next.status).toBe('SUCCEEDED');
});

/** Index in the stack of a worker that trains the run, not its rank 0. */
async function assignedWorker(runId: string): Promise<number> {
  for await (const worker of service.client.workers())
    if (worker.runId === runId && worker.rank === 1)
      return service.stack.workers.findIndex((candidate) => candidate.workerId === worker.id);
  throw new Error(`no worker has rank 1 of ${runId}`);
}
