/** A control plane of a few routes over a real socket, so that the client's fetch, streams and reconnects are the real ones. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Run, RunEvent, RunStatus } from '@triptych/protocol';

export interface Received {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Route = (request: Received, response: ServerResponse) => void;

/** `routes` by `METHOD /path`; anything else is a 404 problem. `received` is every request in order. */
export async function fakeControlPlane(routes: Record<string, Route>): Promise<{
  readonly url: string;
  readonly received: Received[];
  close(): Promise<void>;
}> {
  const received: Received[] = [];
  const server = createServer(async (message, response) => {
    let body = '';
    for await (const chunk of message) body += chunk;
    const url = new URL(message.url ?? '/', 'http://fake');
    const request = { method: message.method ?? '', url, headers: message.headers, body };
    received.push(request);
    const route = routes[`${request.method} ${url.pathname}`];
    if (route) route(request, response);
    else sendProblem(response, { status: 404, code: 'NOT_FOUND', detail: `There is no ${url.pathname}` });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

export function sendJson(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

export function sendProblem(
  response: ServerResponse,
  { status, ...problem }: { status: number; code: string; detail: string; violations?: unknown[] },
): void {
  response
    .writeHead(status, { 'content-type': 'application/problem+json' })
    .end(JSON.stringify({ type: '/docs/errors', title: 'A problem', status, ...problem }));
}

export function startEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
}

export const frame = (event: RunEvent): string =>
  `id: ${event.sequence}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

export const eventOf = (sequence: number, status: RunStatus = 'RUNNING'): RunEvent => ({
  sequence,
  runId: 'r1',
  at: '2026-01-01T00:00:00.000Z',
  type: 'state',
  status,
  reason: 'TRAINING',
  message: `event ${sequence}`,
  data: {},
});

/** As much of a run as a client looks at. */
export const runOf = (status: RunStatus): Partial<Run> => ({ id: 'r1', status, reason: 'TRAINING' });
