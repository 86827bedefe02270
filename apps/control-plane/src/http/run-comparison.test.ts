/** Runs beside each other through the real route: scores of the same data, specs that differ, and a refusal where the data differ. */
import { type Dataset, RunComparison, type Score, violationsOf } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { addDataset, addRun, anyHash, insertDataset, specOf, topScore } from '../testing/store.ts';

let server: TestServer;
let scenes: Dataset;
let other: Dataset;
beforeAll(async () => {
  server = await startTestServer();
  scenes = await addDataset(server.stores, 'scenes');
  const { id: _, ...facts } = await addDataset(server.stores, 'elsewhere');
  await server.stores.deletion.dataset('elsewhere');
  other = await insertDataset(server.stores, { ...facts, name: 'other', manifest: anyHash('e') });
});
afterAll(() => server.close());

async function scored(
  name: string,
  options: { dataset?: Dataset; spec?: object; scores?: readonly Score[] } = {},
) {
  const { dataset = scenes, spec = {}, scores = [topScore] } = options;
  const run = await addRun(server.stores, { dataset, spec: { name, ...spec } });
  const { client } = server.stores.database;
  await client.run.update({ where: { id: run.id }, data: { attempt: 1 } });
  await client.score.createMany({ data: scores.map((one) => ({ runId: run.id, ...one })) });
  return run;
}
const compare = async (runs: string) => (await server.app.inject(`/v1/runs/compare?runs=${runs}`)).json();

test('scores of what was published stand beside each other, and so do the specs where they differ', async () => {
  const { optimizer } = specOf();
  const first = await scored('first', { scores: [topScore, { ...topScore, stage: 'baseline', value: 0.1 }] });
  await scored('second', {
    spec: { seed: 7, optimizer: { ...optimizer, learningRate: 0.5 }, averaging: 0.9 },
    scores: [
      { ...topScore, value: 0.95 },
      { ...topScore, metric: 'loss', stage: 'validation', value: 3 },
      { ...topScore, task: 'retrieval', metric: 'recall@1', value: 0.4 },
    ],
  });
  const comparison = await compare(`${first.id},second`);
  expect(violationsOf(RunComparison, comparison)).toEqual([]);
  expect(comparison).toMatchObject({
    runs: [{ id: first.id, name: 'first' }, { name: 'second' }],
    data: { manifest: scenes.manifest, split: 'test' },
    scores: [
      { task: 'zero-shot', metric: 'top1', unit: 'ratio', chance: 0.14, values: [0.9, 0.95] },
      { task: 'retrieval', metric: 'recall@1', values: [null, 0.4] },
    ],
    differences: [
      { path: '/seed', values: [0, 7] },
      { path: '/optimizer/learningRate', values: [optimizer.learningRate, 0.5] },
      { path: '/averaging', values: [null, 0.9] },
    ],
  });
});

test('what was scored on other data is refused, every run of it', async () => {
  await scored('here');
  await scored('elsewhere', { dataset: other });
  await scored('part', { spec: { evaluation: { ...specOf().evaluation, limit: 5 } } });
  const { status, code, violations } = await compare('here,elsewhere,part');
  expect([status, code]).toEqual([422, 'INVALID_INPUT']);
  expect(violations).toMatchObject([
    { path: '/runs/1', actual: expect.stringContaining(anyHash('e')) },
    { path: '/runs/2', actual: expect.stringContaining('the first 5 samples of split "test"') },
  ]);
});

test('one run, the same twice, what no run can be called, and what there is not', async () => {
  await scored('alone');
  for (const runs of ['alone', 'alone,alone', 'alone,../x', ',', 'alone,'])
    expect((await compare(encodeURIComponent(runs))).violations).toMatchObject([{ path: '/runs' }]);
  expect(await compare('alone,nobody')).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  expect((await server.app.inject('/v1/runs/compare')).statusCode).toBe(422);
});
