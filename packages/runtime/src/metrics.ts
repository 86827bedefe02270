/** The registry behind a process's /metrics. Which metrics there are is each process's own business. */
import { collectDefaultMetrics, Registry } from 'prom-client';

export const METRIC_PREFIX = 'triptych_';

/**
 * A registry of its own (not the library's global one, which tests would share), with the process's CPU, memory, event-loop
 * and garbage-collection metrics under {@link METRIC_PREFIX}.
 */
export function createMetrics(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: METRIC_PREFIX });
  // The library's own sums of these are gauges that end in _total, which belongs to counters.
  for (const what of ['handles', 'requests', 'resources']) {
    registry.removeSingleMetric(`${METRIC_PREFIX}nodejs_active_${what}_total`);
  }
  return registry;
}
