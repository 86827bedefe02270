import { expect, it } from 'vitest';
import { readMessages, type ServerMessage } from './event-stream.ts';

async function messagesIn(chunks: readonly Uint8Array[]): Promise<ServerMessage[]> {
  async function* stream(): AsyncGenerator<Uint8Array> {
    yield* chunks;
  }
  const messages: ServerMessage[] = [];
  for await (const message of readMessages(stream())) messages.push(message);
  return messages;
}

const stream = [
  ': a comment\n\n',
  'retry: 1500\nid: 7\nevent: state\ndata: {"a":1}\n\n',
  'data:no space\r\ndata: second line \u2713\r\n\r\n',
  'event: without data\n\n',
  'id\ndata\n\n',
  'id: 9\ndata: cut off',
].join('');

const expected: ServerMessage[] = [
  { id: '7', event: 'state', data: '{"a":1}', retryMs: 1500 },
  { id: '7', event: 'message', data: 'no space\nsecond line \u2713' },
  { id: '', event: 'message', data: '' },
];

it('reads messages by the standard', async () => {
  expect(await messagesIn([new TextEncoder().encode(stream)])).toEqual(expected);
});

it('reads the same wherever the chunks are cut, even inside a character or a line end', async () => {
  const bytes = new TextEncoder().encode(stream);
  expect(await messagesIn(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))).toEqual(expected);
  for (let cut = 1; cut < bytes.byteLength; cut += 1) {
    expect(await messagesIn([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(expected);
  }
});
