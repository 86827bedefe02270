/** How long callbacks wait because the event loop is busy: the proof that tensor work does not block the network. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

export interface EventLoopLag {
  readonly meanMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface EventLoopMonitor extends Disposable {
  /** The lag since the last reading (since the start for the first); all zero where nothing was measured yet. */
  read(): EventLoopLag;
}

const RESOLUTION_MS = 10;

/** Starts measuring. Dispose it to stop; it does not keep the process alive. */
export function eventLoopLag(): EventLoopMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    read() {
      const measured = histogram.count > 0;
      const lag = {
        meanMs: measured ? lagOf(histogram.mean) : 0,
        p99Ms: measured ? lagOf(histogram.percentile(99)) : 0,
        maxMs: measured ? lagOf(histogram.max) : 0,
      };
      histogram.reset();
      return lag;
    },
    [Symbol.dispose]() {
      histogram.disable();
    },
  };
}

/** Node measures the time between two ticks of a timer, in nanoseconds: an idle loop shows the resolution itself. */
const lagOf = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
