/** The events of a run as one uninterrupted sequence, whatever happens to the connection. */
import { isTerminal, type Run, type RunEvent, TriptychError } from '@triptych/protocol';
import { type Call, type Connection, path } from './connection.ts';
import { pause } from './pause.ts';
import { openStream } from './server-stream.ts';

export interface EventsOptions extends Call {
  /** Only events after this sequence; 0 by default: from the beginning. */
  readonly after?: number;
  /** The first wait before connecting again where the server names none, doubled up to 5 s while nothing comes; 250 by default. */
  readonly reconnectMs?: number;
  /** A connection on which nothing comes for so long (not even a comment) is given up as dead; 60 s by default. */
  readonly silenceMs?: number;
}

const MAX_WAIT_MS = 5_000;

/**
 * Each event once, in order, until the run has ended. A lost connection, or a control plane that is being restarted, is
 * waited for; only an answer that cannot change (NOT_FOUND) and `signal` end it early.
 */
export async function* followRun(
  connection: Connection,
  runId: string,
  { after = 0, reconnectMs = 250, silenceMs = 60_000, signal }: EventsOptions = {},
): AsyncGenerator<RunEvent, void, void> {
  let last = after;
  let firstWait = reconnectMs;
  let wait = firstWait;
  for (;;) {
    signal?.throwIfAborted();
    try {
      let received = false;
      const headers = last > 0 ? { 'last-event-id': String(last) } : {};
      const stream = {
        path: path`/v1/runs/${runId}/events`,
        what: `run ${runId}`,
        headers,
        silenceMs,
        signal,
      };
      for await (const { data, retryMs } of openStream(connection, stream)) {
        const event = JSON.parse(data) as RunEvent;
        if (event.sequence <= last) continue;
        received = true;
        last = event.sequence;
        firstWait = retryMs ?? firstWait;
        wait = firstWait;
        yield event;
        if (event.type === 'state' && isTerminal(event.status)) return;
      }
      // An ended run has nothing more to send, and an `after` past its last event would wait for ever.
      if (!received && isTerminal((await runOf(connection, runId, signal)).status)) return;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof TriptychError) || !error.kind.retry) throw error;
    }
    await pause(wait, signal);
    wait = Math.min(wait * 2, MAX_WAIT_MS);
  }
}

const runOf = (connection: Connection, runId: string, signal: AbortSignal | undefined): Promise<Run> =>
  connection.json<Run>({ path: path`/v1/runs/${runId}`, signal });
