/** Every architecture and method with real processes: the number of workers, and the death of one, change no bit of the weights. */
import { join } from 'node:path';
import type { RunSpec } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startService } from './fixtures/service.ts';
import { tinySpec } from './fixtures/specs.ts';

let service: Service;
beforeAll(async () => {
  service = await startService({ workers: 3, backend: 'wasm' });
  const path = join(service.home, 'scenes');
  for (const format of ['scenes-questions', 'scenes-conversations']) {
    await service.client.datasets.register({ name: format, path, format });
    await service.client.datasets.ready(format);
  }
});
afterAll(() => service?.close());

const cases: readonly (readonly [model: string, method: string, dataset: string])[] = [
  ['clip-tiny', 'locked-image', 'scenes'],
  ['clip-tiny', 'probe', 'scenes'],
  ['flamingo-tiny', 'full', 'scenes-questions'],
  ['flamingo-tiny', 'cross-attention', 'scenes'],
  ['llava-tiny', 'scratch', 'scenes-conversations'],
  ['llava-tiny', 'full', 'scenes-questions'],
  ['llava-tiny', 'lora', 'scenes-conversations'],
  ['llava-tiny', 'projector', 'scenes'],
];

const specOf = (
  [model, method, dataset]: (typeof cases)[number],
  steps: number,
  workers: number,
): RunSpec => ({
  ...tinySpec({ steps, workers }),
  ...{ model, method, dataset, batch: { global: 14, shards: 7 } },
});

test.each(cases)('%s, %s, on %s: 1 and 3 workers give bit-identical weights', async (...which) => {
  const weights: (string | undefined)[] = [];
  for (const workers of [1, 3]) {
    const run = await service.run(specOf(which, 3, workers));
    expect(run).toMatchObject({ status: 'SUCCEEDED', worldSize: workers });
    weights.push(run.weights?.sha256);
  }
  expect(weights[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(weights[1]).toBe(weights[0]);
});

test('several datasets in one run: 1 and 2 workers give the same weights, and each has its loss', async () => {
  const mixed = ({ workers }: { workers: number }): RunSpec => {
    const { dataset: _, ...spec } = specOf(['flamingo-tiny', 'full', ''], 3, workers);
    const datasets = [
      { name: 'scenes-questions', weight: 5, lossWeight: 1 },
      { name: 'scenes', weight: 2, lossWeight: 0.2 },
    ];
    return { ...spec, datasets };
  };
  const [one, two] = [await service.run(mixed({ workers: 1 })), await service.run(mixed({ workers: 2 }))];
  expect(one).toMatchObject({ status: 'SUCCEEDED' });
  expect(two.weights?.sha256).toBe(one.weights?.sha256);
  for await (const { loss, datasetLosses } of service.client.runs.stepMetrics(two.id)) {
    expect(datasetLosses?.length).toBe(2);
    expect(loss).toBeCloseTo(datasetLosses![0]! + 0.2 * datasetLosses![1]!, 4);
  }
});

test('a worker is killed while adapters are trained: the run ends with the same weights', async () => {
  const steps = 60;
  const lora = ['llava-tiny', 'lora', 'scenes-conversations'] as const;
  const undisturbed = await service.run(specOf(lora, steps, 1));
  const spec = { ...specOf(lora, steps, 2), workers: { min: 1, max: 2 }, checkpoint: { everySteps: 10 } };
  const { id } = await service.client.runs.create(spec);
  await service.reached(id, 15);
  await service.stack.killWorker(await secondRank(id), 'SIGKILL');
  const run = await service.finished(id);
  expect(run).toMatchObject({ status: 'SUCCEEDED', progress: { step: steps } });
  expect(run.weights?.sha256).toBe(undisturbed.weights?.sha256);
  expect(run.attempt).toBeGreaterThan(1);
});

/** Index in the stack of the worker that has rank 1 of the run. */
async function secondRank(runId: string): Promise<number> {
  for await (const worker of service.client.workers())
    if (worker.runId === runId && worker.rank === 1)
      return service.stack.workers.findIndex((candidate) => candidate.workerId === worker.id);
  throw new Error(`no worker has rank 1 of ${runId}`);
}
