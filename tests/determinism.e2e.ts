/** The promise, with real processes: the number of workers does not change one bit of the weights. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Service, startService } from './fixtures/service.ts';
import { tinySpec } from './fixtures/specs.ts';

describe.each(['wasm', 'cpu'])('on the %s backend', (backend) => {
  let service: Service;
  beforeAll(async () => {
    service = await startService({ workers: 3, backend });
  });
  afterAll(() => service?.close());

  test('1, 2 and 3 workers give bit-identical weights', async () => {
    const steps = backend === 'cpu' ? 3 : 12;
    const weights: (string | undefined)[] = [];
    for (const workers of [1, 2, 3]) {
      const run = await service.run(tinySpec({ steps, workers }));
      expect(run).toMatchObject({ status: 'SUCCEEDED', worldSize: workers, progress: { step: steps } });
      weights.push(run.weights?.sha256);
    }
    expect(weights[0]).toMatch(/^[0-9a-f]{64}$/);
    expect(weights).toEqual([weights[0], weights[0], weights[0]]);
  });

  test('another seed gives other weights, so the hash does tell runs apart', async () => {
    const spec = { ...tinySpec({ steps: 2, workers: 3 }), evaluation: { tasks: [], baseline: false } };
    const one = await service.run({ ...spec, seed: 1 });
    const other = await service.run({ ...spec, seed: 2 });
    expect(one.weights?.sha256).not.toBe(other.weights?.sha256);
  });
});
