/** A control plane of a few routes on a real socket, and command lines that are run against it. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Run, RunEvent, RunStatus } from '@triptych/protocol';
import { afterEach, beforeEach } from 'vitest';
import { runProgram } from '../program.ts';

export type Answer = (request: IncomingMessage & { body: string }, response: ServerResponse) => unknown;

/** Opened before each test and closed after it, with the folder for its files. */
export class FakeService {
  /** By method and path. */
  readonly routes: Record<string, Answer> = {};
  #folder = '';
  #server: Server | undefined;

  get folder(): string {
    return this.#folder;
  }

  async open(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'triptych-cli-'));
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      const answer = this.routes[`${request.method} ${request.url}`];
      const result = answer?.(Object.assign(request, { body }), response);
      if (!answer) problem(response, 404, 'NOT_FOUND');
      else if (result !== undefined && !response.headersSent) response.end(JSON.stringify(result));
    });
    this.#server = server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }

  async close(): Promise<void> {
    for (const route of Object.keys(this.routes)) delete this.routes[route];
    this.#server?.closeAllConnections();
    this.#server?.close();
    await rm(this.#folder, { recursive: true });
  }

  /** What a command line writes, and its exit code. */
  async triptych(
    args: readonly string[],
    signal: AbortSignal = new AbortController().signal,
    confirm?: (question: string) => Promise<boolean>,
  ) {
    const out: string[] = [];
    const err: string[] = [];
    const code = await runProgram({
      args,
      url: `http://127.0.0.1:${(this.#server!.address() as AddressInfo).port}`,
      token: () => 'the-token-of-the-user',
      stdout: { write: (text) => out.push(text) },
      stderr: { write: (text) => err.push(text) },
      signal,
      ...(confirm && { confirm }),
    });
    return { code, out: out.join(''), err: err.join('') };
  }
}

export function useFakeService(): FakeService {
  const service = new FakeService();
  beforeEach(() => service.open());
  afterEach(() => service.close());
  return service;
}

export function problem(
  response: ServerResponse,
  status: number,
  code: string,
  violations: unknown[] = [],
): undefined {
  const body = {
    type: '/docs',
    title: 'Refused',
    status,
    code,
    detail: `the service says ${code}`,
    violations,
  };
  response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify(body));
}

/** The answer of a stream that tells what became of a dataset. */
export const datasets =
  (...states: readonly object[]): Answer =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(states.map((one) => `event: dataset\ndata: ${JSON.stringify(one)}\n\n`).join(''));
  };

export const run = (status: RunStatus): Partial<Run> => ({
  id: 'r1',
  status,
  reason: 'COMPLETED',
  message: 'a message',
  worldSize: 2,
  progress: { step: 40, totalSteps: 40, epoch: 2, ratio: 1, samplesProcessed: 640, loss: 0.25 },
  spec: { model: 'clip-tiny', dataset: 'scenes' } as Run['spec'],
  scores: [
    {
      task: 'zero-shot',
      metric: 'accuracy@1',
      value: 0.9,
      stage: 'final',
      split: 'test',
      step: 40,
      samples: 100,
      unit: 'ratio',
      chance: 0.125,
    },
  ],
  createdAt: '2026-01-01T00:00:00.000Z',
});

export const event = (sequence: number, status: RunStatus, more: Partial<RunEvent> = {}): string => {
  const full: RunEvent = {
    sequence,
    runId: 'r1',
    at: '2026-01-01T10:20:30.000Z',
    type: 'state',
    status,
    reason: 'TRAINING',
    message: `now ${status}`,
    data: {},
    ...more,
  };
  return `id: ${sequence}\nevent: ${full.type}\ndata: ${JSON.stringify(full)}\n\n`;
};

export const stream =
  (...events: string[]): Answer =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(events.join(''));
  };
