/** POST /v1/predictions from the page: the answer, and the pieces of a text as they come. */
import { problemText } from './requests.js';

const streamed = new Set(['caption', 'answer', 'chat']);

/** The whole prediction. Rejects with what the service says is wrong, a line for each thing. */
export async function ask(request, { signal, onText }) {
  const stream = streamed.has(request.kind);
  const response = await fetch('/v1/predictions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(stream ? { ...request, stream } : request),
    signal,
  });
  if (!response.ok) throw new Error(problemText(await response.json()));
  if (!stream) return response.json();
  for await (const { event, data } of messagesOf(response.body)) {
    if (event === 'error') throw new Error(problemText(data));
    if (event === 'text') onText(data.text);
    if (event === 'done') return data;
  }
  throw new Error('The answer broke off before its end; ask again');
}

/** Each message of the service is two lines, event and data, and an empty one. */
async function* messagesOf(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      const [event, data] = block.split('\n').map((line) => line.slice(line.indexOf(': ') + 2));
      yield { event, data: JSON.parse(data) };
    }
  }
}
