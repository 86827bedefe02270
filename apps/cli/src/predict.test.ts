/** `triptych predict` against a control plane of two routes. */
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PredictionRequest, predictionRequests, violationsOf } from '@triptych/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { runProgram } from './program.ts';

let server: Server;
let folder: string;
let bodies: PredictionRequest[];
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'triptych-predict-'));
  for (const name of ['a', 'b']) await writeFile(join(folder, `${name}.png`), `picture ${name}`);
  bodies = [];
  server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.url === '/v1/models/birds') response.end(JSON.stringify({ id: 'model_1' }));
    else {
      bodies.push(JSON.parse(body));
      answer(response);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

async function predict(...args: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runProgram({
    args: ['predict', 'birds', ...args],
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    signal: new AbortController().signal,
  });
  for (const body of bodies) expect(violationsOf(predictionRequests[body.kind], body)).toEqual([]);
  return { code, out, err: err.join('') };
}

const picture = (name: string) => join(folder, `${name}.png`);
const base64 = (name: string) => Buffer.from(`picture ${name}`).toString('base64');
const ranking = {
  kind: 'classify',
  measure: 'cosine',
  ranking: [
    { index: 1, text: 'b', score: 0.3125, probability: 0.75 },
    { index: 0, text: 'a', score: 0.2, probability: 0.25 },
  ],
};

it('labels: the file as base64, the ranking as a table', async () => {
  answer = (response) => response.end(JSON.stringify(ranking));
  const { code, out } = await predict('--image', picture('a'), '--labels', 'a, b,');
  expect(code).toBe(0);
  expect(bodies).toEqual([{ kind: 'classify', model: 'model_1', image: base64('a'), labels: ['a', 'b'] }]);
  expect(out.join('')).toBe(
    'candidate  probability  cosine\nb               75.0 %   0.313\na               25.0 %   0.200\n'.replace(
      '0.313',
      (0.3125).toFixed(3),
    ),
  );
});

it.each([
  [['--captions', 'one', 'two'], { kind: 'match-captions', captions: ['one', 'two'] }],
  [['--labels', 'a,b', '--question', 'Which?'], { kind: 'classify', question: 'Which?' }],
  [['--labels', 'a,b', '--template', 'a {}', 'the {}'], { kind: 'classify', templates: ['a {}', 'the {}'] }],
  [
    ['--caption', '--max-tokens', '5', '--beams', '2'],
    { kind: 'caption', limits: { maxNewTokens: 5, beams: 2 } },
  ],
  [['--question', 'What?'], { kind: 'answer', question: 'What?', images: [expect.any(String)] }],
])('%j asks for that', async (args, expected) => {
  answer = (response) => response.end(JSON.stringify({ ...ranking, kind: expected.kind }));
  const { code } = await predict('--image', picture('a'), '--json', ...args);
  expect([code, bodies[0]]).toEqual([0, expect.objectContaining({ model: 'model_1', ...expected })]);
});

it('several pictures for one text', async () => {
  answer = (response) =>
    response.end(JSON.stringify({ ...ranking, ranking: [{ index: 1, score: 0.3, probability: 1 }] }));
  const { out } = await predict('--image', picture('a'), picture('b'), '--text', 'a bird');
  expect(bodies[0]).toMatchObject({
    kind: 'match-images',
    text: 'a bird',
    images: [base64('a'), base64('b')],
  });
  expect(out.join('')).toContain('picture 2');
});

it('a chat is written as it comes', async () => {
  answer = (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('event: text\ndata: {"text":"Two"}\n\n');
    response.end(
      'event: text\ndata: {"text":" birds"}\n\nevent: done\ndata: {"kind":"chat","text":"Two birds"}\n\n',
    );
  };
  const { out } = await predict('--image', picture('a'), '--chat', 'How many?');
  expect(out).toEqual(['Two', ' birds', '\n']);
  expect(bodies[0]).toMatchObject({
    ...{ kind: 'chat', stream: true },
    messages: [{ role: 'user', text: 'How many?', images: [base64('a')] }],
  });
});

it('demonstrations: pictures beside their list are read', async () => {
  await mkdir(join(folder, 'shots'));
  await writeFile(join(folder, 'shots', 'c.png'), 'picture c');
  const list = join(folder, 'shots', 'list.json');
  await writeFile(list, JSON.stringify([{ images: ['c.png', '../b.png'], question: 'q', answer: 'a' }]));
  answer = (response) => response.end(JSON.stringify({ kind: 'answer', text: 'x' }));
  await predict('--image', picture('a'), '--question', 'What?', '--shots', list, '--json');
  expect(bodies[0]).toMatchObject({
    shots: [{ images: [base64('c'), base64('b')], question: 'q', answer: 'a' }],
  });
});

it('contradictions are told at once, and nothing is asked', async () => {
  const { code, err } = await predict('--labels', 'a,b', '--caption', '--shots', 'x.json');
  expect(code).toBe(1);
  expect(err).toContain('--labels and --caption');
  expect(err).toContain('--image: expected one picture, got 0');
  expect(err).toContain('--shots');
  expect((await predict('--image', picture('none'), '--caption')).err).toContain('does not exist');
  expect(bodies).toEqual([]);
});
