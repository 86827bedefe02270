/** One connection to a stream of the control plane. Connecting again is its reader's business. */
import { TriptychError } from '@triptych/protocol';
import type { Call, Connection } from './connection.ts';
import { readMessages, type ServerMessage } from './event-stream.ts';

export interface StreamOptions extends Call {
  readonly path: string;
  /** What it tells of, for messages. */
  readonly what: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A connection on which nothing comes for so long (not even a comment) is given up as dead. */
  readonly silenceMs: number;
}

/** Until the server ends it. `UNAVAILABLE` where it breaks off. */
export async function* openStream(
  connection: Connection,
  { path, what, headers = {}, silenceMs, signal }: StreamOptions,
): AsyncGenerator<ServerMessage, void, void> {
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
      path,
      headers: { accept: 'text/event-stream', ...headers },
      signal: signal ? AbortSignal.any([signal, broken.signal]) : broken.signal,
    });
    if (!response.body) return;
    for await (const message of readMessages(tapped(response.body, heard))) {
      // The reader may take its time with an event; that is no silence of the server.
      clearTimeout(timer);
      yield message;
      heard();
    }
  } catch (error) {
    if (error instanceof TriptychError) throw error;
    throw new TriptychError('UNAVAILABLE', `The event stream of ${what} broke off`, { cause: error });
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
