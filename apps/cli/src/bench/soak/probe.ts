/**
 * Preloaded (`node --expose-gc --import`) into a control plane that is measured: answers on the socket that `SOAK_PROBE` names with
 * what only the process itself knows, right after a garbage collection. `/snapshot?FILE` writes a heap snapshot first.
 */
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { writeHeapSnapshot } from 'node:v8';
import { isMainThread } from 'node:worker_threads';

export interface ProbeReading {
  readonly heapBytes: number;
  /** Buffers and what else lies beside the heap. */
  readonly externalBytes: number;
  readonly rssBytes: number;
  /** Handles and requests that are open, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  /** Since the last reading. */
  readonly loopDelayMs: { readonly p50: number; readonly p99: number; readonly max: number };
}

const RESOLUTION_MS = 10;
const { SOAK_PROBE: path } = process.env;

if (path && isMainThread) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  // Of the control plane before this one, which was ended.
  rmSync(path, { force: true });
  const since = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  createServer(async (request, response) => {
    const { p50, p99, max } = { p50: delay.percentile(50), p99: delay.percentile(99), max: delay.max };
    const loopDelayMs = { p50: since(p50), p99: since(p99), max: since(max) };
    const [, file] = /^\/snapshot\?(.+)$/.exec(request.url ?? '') ?? [];
    // What a finalizer lets go of is collected by the next one only.
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.();
      await setImmediate();
    }
    if (file) writeHeapSnapshot(decodeURIComponent(file));
    const { heapUsed: heapBytes, external: externalBytes, rss: rssBytes } = process.memoryUsage();
    const resources: Record<string, number> = {};
    for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
    delay.reset();
    const reading: ProbeReading = { heapBytes, externalBytes, rssBytes, resources, loopDelayMs };
    response.setHeader('connection', 'close').end(JSON.stringify(reading));
  })
    .listen(path)
    .unref();
}
