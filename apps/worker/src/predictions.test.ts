import { memoryGroups } from '@triptych/collective';
import { type ErrorCode, TriptychError, type worker } from '@triptych/protocol';
import { createLogger } from '@triptych/runtime';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { ScriptedCompute } from './testing/scripted-compute.ts';
import { trainRequest } from './testing/train-request.ts';
import { Trainer } from './trainer.ts';

let compute: ScriptedCompute;
let trainer: Trainer;
beforeEach(() => {
  compute = new ScriptedCompute();
  const logger = createLogger({ name: 'test', level: 'silent' });
  trainer = new Trainer({ compute, logger, hub: { connect: async () => memoryGroups(1)[0]! } });
});

const request = (changes: Partial<worker.PredictRequest> = {}): worker.PredictRequest => ({
  modelArtifact: 'a'.repeat(64),
  inputsJson: '{}',
  taskJson: JSON.stringify({ kind: 'caption', image: 0 }),
  pictures: [{ path: '/image', content: Buffer.from('png') }],
  ...changes,
});

async function ask(changes: Partial<worker.PredictRequest> = {}, signal = new AbortController().signal) {
  const events: worker.PredictEvent['event'][] = [];
  for await (const { event } of trainer.predict(request(changes), signal)) events.push(event);
  return events;
}

const running = () => vi.waitFor(() => expect(compute.running).toBe(1));
const refused = (code: ErrorCode) => ({ code, message: expect.any(String) });

async function train() {
  for await (const _ of trainer.train(trainRequest(), new AbortController().signal));
}

test('what the compute thread yields comes in order, and the worker is free at the end', async () => {
  const asked = ask();
  await running();
  compute.output({ kind: 'text', text: 'a red' });
  compute.output({ kind: 'text', text: ' square' });
  const result = { kind: 'caption', text: 'a red square' } as const;
  compute.output({ kind: 'result', result });
  compute.finish();
  expect(await asked).toEqual([
    { $case: 'text', value: { text: 'a red' } },
    { $case: 'text', value: { text: ' square' } },
    { $case: 'made', value: { resultJson: JSON.stringify(result) } },
  ]);
  expect(compute.predictions[0]).toEqual({
    model: 'a'.repeat(64),
    inputs: {},
    task: { kind: 'caption', image: 0 },
    pictures: [{ path: '/image', content: Buffer.from('png') }],
  });
  expect(trainer.assignments()).toEqual([]);
});

test('a failure is the last event, with every violation', async () => {
  const violations = [{ path: '/image', expected: 'a picture', actual: 'none', remedy: 'send one' }];
  const asked = ask();
  await running();
  compute.fail(new TriptychError('INVALID_INPUT', 'wrong', { violations }));
  expect(await asked).toEqual([
    { $case: 'failed', value: { code: 'INVALID_INPUT', message: 'wrong', violations } },
  ]);
});

test('a request that is malformed is refused with everything that is wrong, before anything starts', async () => {
  const wrong = ask({
    modelArtifact: 'x',
    inputsJson: '[',
    taskJson: '{"kind":"caption","image":3,"more":1}',
    pictures: [],
  });
  const error = (await wrong.catch((caught: unknown) => caught)) as TriptychError;
  expect(error.code).toBe('INVALID_INPUT');
  expect(error.violations.map(({ path }) => path)).toEqual(
    expect.arrayContaining(['/modelArtifact', '/inputsJson', '/pictures']),
  );
  expect(error.violations.some(({ path }) => path.startsWith('/taskJson'))).toBe(true);
  expect(compute.predictions).toEqual([]);
});

describe('one thing at a time', () => {
  test('a worker that trains makes no prediction', async () => {
    const training = train();
    await running();
    await expect(ask()).rejects.toMatchObject(refused('UNAVAILABLE'));
    compute.finish();
    await training;
    const asked = ask();
    await running();
    compute.finish();
    expect(await asked).toEqual([]);
  });

  test('nor does one that makes another', async () => {
    const first = ask();
    await running();
    await expect(ask()).rejects.toMatchObject(refused('UNAVAILABLE'));
    compute.finish();
    await first;
  });

  test('a training takes the worker: the prediction ends before it starts', async () => {
    const asked = ask();
    await running();
    const training = train();
    expect(await asked).toEqual([
      { $case: 'failed', value: expect.objectContaining({ code: 'UNAVAILABLE' }) },
    ]);
    await vi.waitFor(() => expect(compute.jobs).toHaveLength(1));
    expect(compute.running).toBe(1);
    compute.finish();
    await training;
  });

  test('so does a worker that shuts down', async () => {
    const asked = ask();
    await running();
    await trainer.drain('test');
    expect(await asked).toEqual([
      { $case: 'failed', value: expect.objectContaining({ code: 'UNAVAILABLE' }) },
    ]);
    await expect(ask()).rejects.toMatchObject(refused('UNAVAILABLE'));
  });
});

test('a caller who goes away ends it, and the worker is free', async () => {
  const connection = new AbortController();
  const reason = new TriptychError('CANCELLED', 'gone');
  const asked = ask({}, connection.signal);
  await running();
  connection.abort(reason);
  await expect(asked).rejects.toBe(reason);
  expect(compute.running).toBe(0);
  const next = ask();
  await running();
  compute.finish();
  expect(await next).toEqual([]);
});
