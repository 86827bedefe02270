import { setImmediate, setTimeout } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { eventLoopLag } from './event-loop-lag.ts';

it('measures how long the loop was blocked, since the last reading', async () => {
  using monitor = eventLoopLag();
  expect(monitor.read()).toEqual({ meanMs: 0, p99Ms: 0, maxMs: 0 });
  // The monitor's own timer has to tick once before and once after.
  await setTimeout(30);
  const until = performance.now() + 120;
  while (performance.now() < until);
  await setTimeout(30);
  const { maxMs, p99Ms, meanMs } = monitor.read();
  expect(maxMs).toBeGreaterThan(100);
  expect(maxMs).toBeGreaterThanOrEqual(p99Ms);
  expect(p99Ms).toBeGreaterThanOrEqual(meanMs);
  await setImmediate();
  expect(monitor.read().maxMs).toBeLessThan(maxMs);
});
