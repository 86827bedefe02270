import type { Prediction, TextPredictionRequest } from '@triptych/protocol';
import { afterEach, expect, it } from 'vitest';
import { TriptychClient } from './client.ts';
import type { PredictionEvent } from './predictions.ts';
import {
  fakeControlPlane,
  type Route,
  sendJson,
  sendProblem,
  startEvents,
} from './testing/fake-control-plane.ts';

let close = async (): Promise<void> => {};
afterEach(() => close());

async function serve(route: Route) {
  const plane = await fakeControlPlane({ 'POST /v1/predictions': route });
  close = plane.close;
  return { client: new TriptychClient({ url: plane.url, retryDelaysMs: [1] }), received: plane.received };
}

const request: TextPredictionRequest = { kind: 'caption', model: 'm', image: 'AAAA', stream: true };
const prediction: Prediction = {
  ...{ kind: 'caption', text: 'a cat', model: 'model_1', architecture: 'llava', workerId: 'w', seconds: 1 },
};
const message = (event: string, data: unknown) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;

async function collect(events: AsyncIterable<PredictionEvent>) {
  const all: PredictionEvent[] = [];
  let error: unknown;
  try {
    for await (const event of events) all.push(event);
  } catch (caught) {
    error = caught;
  }
  return { all, error };
}

it('asks for the whole answer, once: a model that is asked twice works twice', async () => {
  const { client, received } = await serve((_, response) =>
    received.length === 1
      ? sendJson(response, prediction)
      : sendProblem(response, { status: 503, code: 'UNAVAILABLE', detail: 'busy' }),
  );
  expect(await client.predictions.create(request)).toEqual(prediction);
  expect(JSON.parse(received[0]!.body)).toEqual({ ...request, stream: false });
  await expect(client.predictions.create(request)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  expect(received).toHaveLength(2);
});

it('yields pieces as they come, and the whole at the end', async () => {
  const { client, received } = await serve((_, response) => {
    startEvents(response);
    response.write(message('text', { text: 'a ' }));
    response.end(message('text', { text: 'cat' }) + message('done', prediction));
  });
  const { all, error } = await collect(client.predictions.stream({ ...request, stream: false }));
  expect(error).toBeUndefined();
  expect(all).toEqual([
    { type: 'text', text: 'a ' },
    { type: 'text', text: 'cat' },
    { type: 'done', prediction },
  ]);
  expect(JSON.parse(received[0]!.body)).toEqual(request);
});

it('a problem in the stream, and an end that comes too early, are errors', async () => {
  const problem = { type: '', title: '', status: 503, code: 'WORKER_LOST', detail: 'lost' };
  const broken = await serve((_, response) => {
    startEvents(response);
    response.end(message('text', { text: 'a' }) + message('error', problem));
  });
  expect(await collect(broken.client.predictions.stream(request))).toMatchObject({
    ...{ all: [{ text: 'a' }], error: { code: 'WORKER_LOST', message: 'lost' } },
  });
  await close();
  const short = await serve((_, response) => {
    startEvents(response);
    response.end(message('text', { text: 'a' }));
  });
  expect(await collect(short.client.predictions.stream(request))).toMatchObject({
    ...{ all: [{ text: 'a' }], error: { code: 'UNAVAILABLE' } },
  });
});

it('leaving the loop closes the connection', async () => {
  let hasClosed = () => {};
  const closed = new Promise<void>((resolve) => {
    hasClosed = resolve;
  });
  const { client } = await serve((_, response) => {
    startEvents(response);
    response.write(message('text', { text: 'a' }));
    response.once('close', hasClosed);
  });
  for await (const event of client.predictions.stream(request)) {
    expect(event).toEqual({ type: 'text', text: 'a' });
    break;
  }
  await closed;
});
