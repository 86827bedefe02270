/** The events of a run as one uninterrupted sequence, whatever happens to the connection. */
import { isTerminal, type Run, type RunEvent, TriptychError } from '@triptych/protocol';
import { type Call, type Connection, path } from './connection.ts';
import { readMessages } from './event-stream.ts';
import { pause } from './pause.ts';

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
      for await (const { event, retryMs } of connectOnce(connection, {
        runId,
        after: last,
        silenceMs,
        signal,
      })) {
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

interface OneConnection extends Call {
  readonly runId: string;
  readonly after: number;
  readonly silenceMs: number;
}

async function* connectOnce(
  connection: Connection,
  { runId, after, silenceMs, signal }: OneConnection,
): AsyncGenerator<{ event: RunEvent; retryMs: number | undefined }, void, void> {
  const broken = new AbortController();
  const quiet = new TriptychError('UNAVAILABLE', `Nothing came on the event stream for ${silenceMs} ms`);
  let timer: NodeJS.Timeout | undefined;
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => broken.abort(quiet), silenceMs);
  };
  try {
    heard();
    const response = await connection.once({
      path: path`/v1/runs/${runId}/events`,
      headers: { accept: 'text/event-stream', ...(after > 0 ? { 'last-event-id': String(after) } : {}) },
      signal: signal ? AbortSignal.any([signal, broken.signal]) : broken.signal,
    });
    if (!response.body) return;
    for await (const message of readMessages(tapped(response.body, heard))) {
      // The reader may take its time with an event; that is no silence of the server.
      clearTimeout(timer);
      yield { event: JSON.parse(message.data) as RunEvent, retryMs: message.retryMs };
      heard();
    }
  } catch (error) {
    if (error instanceof TriptychError) throw error;
    throw new TriptychError('UNAVAILABLE', `The event stream of run ${runId} broke off`, { cause: error });
  } finally {
    clearTimeout(timer);
    // Leaving early closes the socket at once; after a proper end this does nothing.
    broken.abort();
  }
}

async function* tapped(
  chunks: AsyncIterable<Uint8Array>,
  onChunk: () => void,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) {
    onChunk();
    yield chunk;
  }
}

const runOf = (connection: Connection, runId: string, signal: AbortSignal | undefined): Promise<Run> =>
  connection.json<Run>({ path: path`/v1/runs/${runId}`, signal });
