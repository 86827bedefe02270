import type { RunEvent } from '@triptych/protocol';
import { afterEach, expect, it } from 'vitest';
import { TriptychClient } from './client.ts';
import type { EventsOptions } from './run-events.ts';
import {
  eventOf,
  fakeControlPlane,
  frame,
  type Route,
  runOf,
  sendJson,
  sendProblem,
  startEvents,
} from './testing/fake-control-plane.ts';

let close = async (): Promise<void> => {};
afterEach(() => close());

/** Answers the n-th connection with the n-th route. */
async function serve(connections: readonly Route[], status: 'RUNNING' | 'SUCCEEDED' = 'RUNNING') {
  let connection = 0;
  const plane = await fakeControlPlane({
    'GET /v1/runs/r1/events': (request, response) => connections[connection++]!(request, response),
    'GET /v1/runs/r1': (_, response) => sendJson(response, runOf(status)),
  });
  close = plane.close;
  const client = new TriptychClient({ url: plane.url, retryDelaysMs: [] });
  return {
    events: (options?: EventsOptions) => client.runs.events('r1', { reconnectMs: 1, ...options }),
    /** What each connection asked to resume after. */
    resumedAfter: () =>
      plane.received
        .filter(({ url }) => url.pathname.endsWith('/events'))
        .map(({ headers }) => headers['last-event-id']),
  };
}

async function sequences(events: AsyncIterable<RunEvent>): Promise<number[]> {
  const seen: number[] = [];
  for await (const event of events) seen.push(event.sequence);
  return seen;
}

const sending =
  (...events: RunEvent[]): Route =>
  (_, response) => {
    startEvents(response);
    response.end(events.map(frame).join(''));
  };

it('ends with the run, although the server keeps the connection open', async () => {
  const { events } = await serve([
    (request, response) => {
      expect(request.headers.accept).toBe('text/event-stream');
      startEvents(response);
      response.write(`: hello\n\n${frame(eventOf(1))}${frame(eventOf(2, 'SUCCEEDED'))}`);
    },
  ]);
  expect(await sequences(events())).toEqual([1, 2]);
});

it('connects again after a cut in the middle of an event, a restart and a clean end, and repeats nothing', async () => {
  const server = await serve([
    (_, response) => {
      startEvents(response);
      response.write(frame(eventOf(1)) + frame(eventOf(2)) + frame(eventOf(3)).slice(0, 40), () =>
        response.destroy(),
      );
    },
    (_, response) => response.destroy(),
    (_, response) => sendProblem(response, { status: 503, code: 'UNAVAILABLE', detail: 'starting' }),
    sending(eventOf(2), eventOf(3)),
    sending(),
    sending(eventOf(4, 'FAILED')),
  ]);
  expect(await sequences(server.events())).toEqual([1, 2, 3, 4]);
  expect(server.resumedAfter()).toEqual([undefined, '2', '2', '2', '3', '3']);
});

it('resumes after a given sequence, and ends where the run had ended before it', async () => {
  const server = await serve([sending()], 'SUCCEEDED');
  expect(await sequences(server.events({ after: 12 }))).toEqual([]);
  expect(server.resumedAfter()).toEqual(['12']);
});

it('gives up a connection on which nothing comes', async () => {
  const server = await serve([(_, response) => startEvents(response), sending(eventOf(1, 'CANCELLED'))]);
  expect(await sequences(server.events({ silenceMs: 50 }))).toEqual([1]);
});

it('does not wait for a run that does not exist', async () => {
  const { events } = await serve([
    (_, response) => sendProblem(response, { status: 404, code: 'NOT_FOUND', detail: 'There is no run r1' }),
  ]);
  await expect(sequences(events())).rejects.toMatchObject({
    code: 'NOT_FOUND',
    message: 'There is no run r1',
  });
});

it('stops with the reason of its signal, while it reads and while it waits', async () => {
  const reason = new Error('Ctrl-C');
  for (const route of [
    sending(eventOf(1)),
    (_: unknown, response: Parameters<Route>[1]) => {
      startEvents(response);
      response.write(frame(eventOf(1)));
    },
  ]) {
    const { events } = await serve([route]);
    const controller = new AbortController();
    const seen: number[] = [];
    const following = (async () => {
      for await (const event of events({ signal: controller.signal, reconnectMs: 60_000 })) {
        seen.push(event.sequence);
        setImmediate(() => controller.abort(reason));
      }
    })();
    await expect(following).rejects.toBe(reason);
    expect(seen).toEqual([1]);
    await close();
    close = async () => {};
  }
});

it('closes the connection when its reader leaves', async () => {
  let closed = (): void => {};
  const gone = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const { events } = await serve([
    (_, response) => {
      response.on('close', closed);
      startEvents(response);
      response.write(frame(eventOf(1)));
    },
  ]);
  for await (const event of events()) {
    expect(event.sequence).toBe(1);
    break;
  }
  await gone;
});
