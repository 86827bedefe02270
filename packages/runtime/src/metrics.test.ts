import { expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

it('prefixes every process metric, in a registry of its own', async () => {
  const registry = createMetrics();
  const names = (await createMetrics().getMetricsAsJSON()).map(({ name }) => name);
  expect(names).toContain('triptych_process_cpu_seconds_total');
  expect(names.filter((name) => !name.startsWith('triptych_'))).toEqual([]);
  registry.clear();
  expect(await registry.metrics()).toBe('\n');
});
