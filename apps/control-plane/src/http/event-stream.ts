/**
 * The events of one run as server-sent events: everything after a sequence, then what comes, until the run is over.
 * `id:` is the sequence, so a browser's own Last-Event-ID resumes without loss or repetition.
 */
import { isTerminal, type RunEvent } from '@triptych/protocol';
import type { Services } from './services.ts';

export interface EventStreamOptions {
  readonly runId: string;
  readonly after: number;
  readonly signal: AbortSignal;
  /** A comment after so long a silence, so that no proxy takes the connection for dead. */
  readonly heartbeatMs?: number;
}

/** Another control plane may write to this run: its changes are seen within this time. */
const POLL_MS = 1000;
const BATCH = 500;

/** Ends after the terminal event, or when the signal is aborted. `NOT_FOUND` at the first step where there is no such run. */
export async function* eventStream(
  services: Pick<Services, 'history' | 'runs' | 'notifier'>,
  { runId, after, signal, heartbeatMs = 15_000 }: EventStreamOptions,
): AsyncGenerator<string, void, void> {
  using watch = services.notifier.watch(runId);
  yield 'retry: 1000\n\n';
  let last = after;
  let quietSince = Date.now();
  while (!signal.aborted) {
    const events = await services.history.events(runId, { after: last, limit: BATCH });
    for (const event of events) {
      yield frame(event);
      last = event.sequence;
      if (event.type === 'state' && isTerminal(event.status)) return;
    }
    if (events.length > 0) quietSince = Date.now();
    if (events.length === BATCH) continue;
    // Nothing follows the end of a run; who asks past it gets an end too.
    if (events.length === 0 && isTerminal(await services.runs.statusOf(runId))) {
      if ((await services.history.events(runId, { after: last, limit: 1 })).length === 0) return;
      continue;
    }
    if (Date.now() - quietSince >= heartbeatMs) {
      yield ': heartbeat\n\n';
      quietSince = Date.now();
    }
    try {
      await watch.changed({ timeoutMs: Math.min(POLL_MS, heartbeatMs), signal });
    } catch {
      return;
    }
  }
}

const frame = (event: RunEvent): string =>
  `id: ${event.sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
