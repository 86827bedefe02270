import { expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

it('prefixes every process metric, in a registry of its own', async () => {
  const registry = createMetrics();
  const metrics = await createMetrics().getMetricsAsJSON();
  const names = metrics.map(({ name }) => name);
  expect(names).toContain('triptych_process_cpu_seconds_total');
  expect(names.filter((name) => !name.startsWith('triptych_'))).toEqual([]);
  const gauges = metrics.filter(({ type }) => String(type) === 'gauge');
  expect(gauges.filter(({ name }) => name.endsWith('_total'))).toEqual([]);
  registry.clear();
  expect(await registry.metrics()).toBe('\n');
});
