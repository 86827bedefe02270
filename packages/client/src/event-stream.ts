/**
 * Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html): from bytes to messages, one stream.
 * Connecting again is not its business.
 */
export interface ServerMessage {
  readonly id: string;
  readonly event: string;
  readonly data: string;
  /** The wait before connecting again that the server asks for, where it did so since the message before. */
  readonly retryMs?: number;
}

/** Yields complete messages only: one that the end of the stream cuts off is dropped, as the standard says. */
export async function* readMessages(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<ServerMessage, void, void> {
  let id = '';
  let event = '';
  let data: string[] = [];
  let retryMs: number | undefined;
  for await (const line of readLines(chunks)) {
    if (line === '') {
      if (data.length > 0) {
        yield {
          id,
          event: event || 'message',
          data: data.join('\n'),
          ...(retryMs === undefined ? {} : { retryMs }),
        };
        retryMs = undefined;
      }
      event = '';
      data = [];
      continue;
    }
    const { name, value } = fieldOf(line);
    if (name === 'id') id = value;
    else if (name === 'event') event = value;
    else if (name === 'data') data.push(value);
    else if (name === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  }
}

/** A line that starts with a colon is a comment: its name is empty. */
function fieldOf(line: string): { name: string; value: string } {
  const colon = line.indexOf(':');
  if (colon < 0) return { name: line, value: '' };
  return { name: line.slice(0, colon), value: line.slice(colon + 1).replace(/^ /, '') };
}

/** Lines end with LF, CRLF or CR; a CR at the end of a chunk may be half of a CRLF. */
async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true });
    const held = rest.endsWith('\r') ? '\r' : '';
    const lines = rest.slice(0, rest.length - held.length).split(/\r\n|\n|\r/);
    rest = lines.pop()! + held;
    yield* lines;
  }
}
