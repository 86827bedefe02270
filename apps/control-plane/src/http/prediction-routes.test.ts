/** Predictions from the request to a worker of few words, over real sockets. */
import { once } from 'node:events';
import {
  type Model,
  Prediction,
  type PredictionResult,
  type Problem,
  TriptychError,
  violationsOf,
} from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createGrpcServer } from '../grpc/create-grpc-server.ts';
import type { PredictionScript } from '../supervisor/testing/script-compute.ts';
import { ScriptedWorker } from '../supervisor/testing/scripted-worker.ts';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { listen } from './listen.ts';

let server: TestServer;
let grpc: Awaited<ReturnType<typeof createGrpcServer>>;
let url: string;
const fakes: ScriptedWorker[] = [];
let script: PredictionScript;

const ranked: PredictionResult = {
  kind: 'classify',
  measure: 'cosine',
  ranking: [
    { index: 1, text: 'b', score: 0.3, probability: 0.75 },
    { index: 0, text: 'a', score: 0.2, probability: 0.25 },
  ],
};
const made = (result: PredictionResult) => ({
  $case: 'made' as const,
  value: { resultJson: JSON.stringify(result) },
});
const text = (piece: string) => ({ $case: 'text' as const, value: { text: piece } });

beforeAll(async () => {
  server = await startTestServer();
  const logger = createLogger({ name: 'test', level: 'silent' });
  grpc = await createGrpcServer({
    ...{ registry: server.fleet, store: server.stores.artifacts, logger, host: '127.0.0.1', port: 0 },
  });
  url = `http://127.0.0.1:${await listen(server.app, { host: '127.0.0.1', port: 0 })}`;
  for (const architecture of ['clip', 'llava', 'flamingo'])
    await server.stores.models.insert({
      ...{ name: `my-${architecture}`, architecture, description: '', parameters: 1, config: {} },
      ...{ artifact: 'a'.repeat(64), files: [], weights: { sha256: 'b'.repeat(64), bytes: 1 } },
    });
});
afterAll(async () => {
  await server.close();
  await grpc.close(0);
});
beforeEach(() => {
  script = async function* () {
    yield made(ranked);
  };
});
afterEach(async () => {
  for (const fake of fakes.splice(0)) {
    fake.close();
    await server.fleet.leave(fake.workerId, 'test');
  }
});

async function addWorker(): Promise<ScriptedWorker> {
  const fake = await ScriptedWorker.start({
    controlPort: grpc.port,
    script: async function* (_, own) {
      await own.pauseAt('training');
      yield* [];
    },
    predictions: (request, signal) => script(request, signal),
  });
  fakes.push(fake);
  return fake;
}

const post = (body: unknown, signal?: AbortSignal) =>
  fetch(`${url}/v1/predictions`, {
    method: 'POST',
    headers: { ...server.asAdmin, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
const classify = { kind: 'classify', model: 'my-clip', image: 'AAAA', labels: ['a', 'b'] };
const chat = { kind: 'chat', model: 'my-llava', messages: [{ role: 'user', text: 'Hi' }] };
const idle = () => server.fleet.fleet().filter(({ state }) => state === 'idle').length;

async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  return (await response.json()) as Problem;
}

/** Each message is two lines: its event, and its data. */
async function messagesOf(response: Response) {
  const blocks = (await response.text()).split('\n\n').slice(0, -1);
  return blocks.map((block) => {
    const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
    return { event, data: data! };
  });
}

describe('an answer', () => {
  test('comes from an idle worker, which gets pictures as bytes and complete options', async () => {
    const fake = await addWorker();
    const response = await post({ ...classify, image: `data:image/png;base64,${btoa('picture')}` });
    expect(response.status).toBe(200);
    const prediction = (await response.json()) as Prediction;
    expect(violationsOf(Prediction, prediction)).toEqual([]);
    expect(prediction).toMatchObject({ ...ranked, architecture: 'clip', workerId: fake.workerId });
    expect(fake.predicts).toHaveLength(1);
    const [{ modelArtifact, taskJson, pictures, inputsJson }] = fake.predicts as [(typeof fake.predicts)[0]];
    expect(modelArtifact).toBe('a'.repeat(64));
    expect(JSON.parse(taskJson)).toEqual({ kind: 'classify', image: 0, labels: ['a', 'b'] });
    expect(pictures.map(({ path, content }) => [path, content.toString()])).toEqual([['/image', 'picture']]);
    expect(JSON.parse(inputsJson)).toEqual({});
    expect(idle()).toBe(1);
  });

  test('options of the request go before the defaults of the architecture', async () => {
    const fake = await addWorker();
    script = async function* () {
      yield made({ kind: 'chat', text: 'Hello' });
    };
    expect((await post({ ...chat, inputs: { template: 'chatml' } })).status).toBe(200);
    expect(JSON.parse(fake.predicts[0]!.inputsJson)).toMatchObject({
      template: 'chatml',
      imagePlacement: 'front',
    });
  });

  test('is streamed piece by piece, and whole at the end', async () => {
    await addWorker();
    script = async function* () {
      yield text('Hel');
      yield text('lo');
      yield made({ kind: 'chat', text: 'Hello' });
    };
    const response = await post({ ...chat, stream: true });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const messages = await messagesOf(response);
    expect(messages.map(({ event }) => event)).toEqual(['text', 'text', 'done']);
    expect(JSON.parse(messages[1]!.data)).toEqual({ text: 'lo' });
    expect(JSON.parse(messages[2]!.data)).toMatchObject({ kind: 'chat', text: 'Hello' });
  });

  test('that fails before its first piece is a problem; after it, the last event', async () => {
    await addWorker();
    const failed = {
      $case: 'failed' as const,
      value: { code: 'OUT_OF_MEMORY', message: 'too large', violations: [] },
    };
    script = async function* () {
      yield failed;
    };
    const early = await post({ ...chat, stream: true });
    expect(early.status).toBe(507);
    expect(await problemOf(early)).toMatchObject({ code: 'OUT_OF_MEMORY' });
    script = async function* () {
      yield text('Hel');
      yield failed;
    };
    const late = await messagesOf(await post({ ...chat, stream: true }));
    expect(late.map(({ event }) => event)).toEqual(['text', 'error']);
    expect(JSON.parse(late[1]!.data)).toMatchObject({ code: 'OUT_OF_MEMORY', status: 507 });
  });

  test('what the worker finds wrong keeps its violations', async () => {
    await addWorker();
    const violations = [{ path: '/image', expected: 'a picture', actual: 'HTML', remedy: 'convert it' }];
    script = async function* () {
      yield { $case: 'failed', value: { code: 'INVALID_INPUT', message: 'wrong', violations } };
    };
    const response = await post(classify);
    expect(response.status).toBe(422);
    expect(await problemOf(response)).toMatchObject({ code: 'INVALID_INPUT', violations });
  });
});

describe('workers', () => {
  test('none at all, or all in training: 503 with what to do', async () => {
    expect(await problemOf(await post(classify))).toMatchObject({
      ...{ status: 503, code: 'UNAVAILABLE', detail: expect.stringContaining('start one') },
    });
    const fake = await addWorker();
    server.fleet.reserve('run-1', [fake.workerId]);
    expect(await problemOf(await post(classify))).toMatchObject({
      ...{ status: 503, code: 'UNAVAILABLE', detail: expect.stringContaining('busy') },
    });
    expect(fake.predicts).toEqual([]);
  });

  test('while one answers, no run is placed on it; a second question waits for its turn', async () => {
    const fake = await addWorker();
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    script = async function* () {
      await gate;
      yield made(ranked);
    };
    const first = post(classify);
    await vi.waitFor(() => expect(fake.predicts).toHaveLength(1));
    expect(server.fleet.fleet().map(({ state }) => state)).toEqual(['busy']);
    const second = post(classify);
    go();
    expect((await first).status).toBe(200);
    expect((await second).status).toBe(200);
    expect(fake.predicts).toHaveLength(2);
    expect(idle()).toBe(1);
  });

  test.each([
    ['refuses', 'UNAVAILABLE'],
    ['has lost its engine', 'BACKEND_UNAVAILABLE'],
  ])('one that %s, or is lost before it said anything, is replaced by another', async (_, code) => {
    const [one, other] = [await addWorker(), await addWorker()];
    let asked = 0;
    script = async function* () {
      asked += 1;
      if (asked === 1) yield { $case: 'failed', value: { code, message: 'not now', violations: [] } };
      yield made(ranked);
    };
    expect((await post(classify)).status).toBe(200);
    expect([one.predicts.length, other.predicts.length]).toEqual([1, 1]);
    script = async function* () {
      yield made(ranked);
    };
    // The lease of a process that died holds for a while.
    const last = [one, other].find((fake) => fake.predicts.length === 1 && asked === 2)!;
    last.crash();
    expect((await post(classify)).status).toBe(200);
  });

  test('one that is lost while it streams ends the answer with an error', async () => {
    const fake = await addWorker();
    script = async function* (_, signal) {
      yield text('Hel');
      await once(signal, 'abort');
    };
    const response = await post({ ...chat, stream: true });
    await server.fleet.leave(fake.workerId, 'test');
    const messages = await messagesOf(response);
    expect(messages.map(({ event }) => event)).toEqual(['text', 'error']);
    expect(JSON.parse(messages[1]!.data)).toMatchObject({ code: 'WORKER_LOST' });
  });

  test.each([false, true])(
    'a client who goes away ends the work (streamed: %s), and the worker is idle',
    async (stream) => {
      const fake = await addWorker();
      const ended = vi.fn();
      script = async function* (_, signal) {
        yield text('Hel');
        await once(signal, 'abort');
        ended(signal.reason instanceof TriptychError);
      };
      const client = new AbortController();
      const asked = post({ ...chat, stream }, client.signal).then((response) => response.text());
      await vi.waitFor(() => expect(fake.predicts).toHaveLength(1));
      client.abort();
      await expect(asked).rejects.toThrow();
      await vi.waitFor(() => expect(ended).toHaveBeenCalledWith(true));
      await vi.waitFor(() => expect(idle()).toBe(1));
    },
  );
});

describe('refusals say everything at once', () => {
  const violationsIn = async (body: unknown) => {
    const response = await post(body);
    expect(response.status).toBe(422);
    return (await problemOf(response)).violations!;
  };

  test('fields, model and pictures', async () => {
    const fields = await violationsIn({
      kind: 'classify',
      model: 'nobody',
      labels: ['a'],
      colour: 1,
      stream: true,
    });
    expect(fields.map(({ path }) => path).sort()).toEqual([
      '/colour',
      '/image',
      '/labels',
      '/model',
      '/stream',
    ]);
    const pictures = await violationsIn({
      ...{ kind: 'match-images', model: 'my-llava', text: 'x', inputs: { template: 'none' } },
      images: ['https://example.org/a.png', '***'],
    });
    expect([...new Set(pictures.map(({ path }) => path))].sort()).toEqual([
      ...['/images/0', '/images/1', '/inputs/template', '/kind'],
    ]);
  });

  test('an unknown kind is told the kinds', async () => {
    const [violation] = await violationsIn({ kind: 'paint', model: 'my-clip' });
    expect(violation).toMatchObject({ path: '/kind', expected: expect.stringContaining('"match-images"') });
  });

  test('a preset has no weights; a model that cannot do it says what it can', async () => {
    expect(await violationsIn({ ...classify, model: 'clip-tiny' })).toEqual([
      expect.objectContaining({ path: '/model', remedy: expect.stringContaining('POST /v1/runs') }),
    ]);
    expect(await violationsIn({ ...chat, model: 'my-flamingo' })).toEqual([
      expect.objectContaining({
        path: '/kind',
        expected: expect.stringContaining('classify, match-captions, caption, answer'),
      }),
    ]);
    expect(await violationsIn({ ...classify, question: 'What?' })).toEqual([
      expect.objectContaining({ path: '/question' }),
    ]);
  });

  test('a conversation out of order, pictures in the wrong place, contradictory limits', async () => {
    const messages = [
      { role: 'system', text: 'Be brief', images: ['AAAA'] },
      { role: 'assistant', text: 'Hi' },
      { role: 'user', text: '<image> and <image>', images: ['AAAA'] },
      { role: 'assistant', text: 'Hi' },
    ];
    const found = await violationsIn({ ...chat, messages, limits: { beams: 3, temperature: 1 } });
    expect(found.map(({ path }) => path).sort()).toEqual([
      ...['/limits/temperature', '/messages/0/images', '/messages/1/role', '/messages/2/role'],
      ...['/messages/2/text', '/messages/3/role'],
    ]);
  });

  test('a body that is too large is told the limit of this route', async () => {
    const response = await server.app.inject({
      ...{ method: 'POST', url: '/v1/predictions', headers: { 'content-type': 'application/json' } },
      payload: Buffer.alloc(49 * 2 ** 20, 'A'),
    });
    expect(response.json()).toMatchObject({
      ...{ status: 413, code: 'BODY_TOO_LARGE', detail: expect.stringContaining('48 MiB') },
    });
  });
});

test('the list of models says what each can be asked', async () => {
  const { items } = (await (await fetch(`${url}/v1/models`, { headers: server.asAdmin })).json()) as {
    items: Model[];
  };
  const of = (name: string) => items.find((one) => one.name === name)?.predictions;
  expect(of('my-clip')).toEqual(['classify', 'match-captions', 'match-images']);
  expect(of('my-llava')).toEqual(['classify', 'match-captions', 'caption', 'answer', 'chat']);
  expect(of('clip-tiny')).toBeUndefined();
});

test('the documentation has every kind, with its fields', async () => {
  const { paths } = (await (await fetch(`${url}/docs/json`)).json()) as { paths: Record<string, unknown> };
  const operation = JSON.stringify(paths['/v1/predictions']);
  for (const kind of ['classify', 'match-captions', 'match-images', 'caption', 'answer', 'chat'])
    expect(operation).toContain(`"${kind}"`);
  expect(operation).toContain('maxNewTokens');
});
