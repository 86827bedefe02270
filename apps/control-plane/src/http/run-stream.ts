/**
 * The events of one run as server-sent events: everything after a sequence, then what comes, until the run is over.
 * `id:` is the sequence, so a browser's own Last-Event-ID resumes without loss or repetition.
 */
import { isTerminal, type RunEvent } from '@triptych/protocol';
import type { Following } from './event-streams.ts';
import type { Services } from './services.ts';

const BATCH = 500;

/** Ends after the terminal event, or when the signal is aborted. `NOT_FOUND` at the first step where there is no such run. */
export async function* runStream(
  { history, runs }: Pick<Services, 'history' | 'runs'>,
  { follower, signal, heartbeatMs = 15_000 }: Following,
): AsyncGenerator<string, void, void> {
  using following = follower;
  const { subject: runId } = following;
  yield 'retry: 1000\n\n';
  while (!signal.aborted) {
    const events = await history.events(runId, { after: following.last, limit: BATCH });
    for (const event of events) {
      yield frame(event);
      following.last = event.sequence;
      if (event.type === 'state' && isTerminal(event.status)) return;
    }
    if (events.length === BATCH) continue;
    // Nothing follows the end of a run; who asks past it gets an end too.
    if (events.length === 0 && isTerminal(await runs.statusOf(runId))) {
      if ((await history.events(runId, { after: following.last, limit: 1 })).length === 0) return;
      continue;
    }
    try {
      while ((await following.moved({ timeoutMs: heartbeatMs, signal })) === 'timeout')
        yield ': heartbeat\n\n';
    } catch {
      return;
    }
  }
}

const frame = (event: RunEvent): string =>
  `id: ${event.sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
