/** GET /v1/runs/{id}/predictions. Oracle: what was stored and told before. */
import { PredictionList, type PredictionsReport, violationsOf } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { addDataset, addRun } from '../testing/store.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const predictions = ['yes', 'no', 'red'].map((prediction, i) => ({
  id: `test/${i}`,
  prompt: `question ${i}`,
  prediction,
  truth: ['yes', 'yes'],
}));

test('the newest predictions of each task and stage, from where and how many are asked for', async () => {
  const { runs } = server.stores;
  const { id } = await addRun(server.stores, { dataset: await addDataset(server.stores) });
  const get = async (query = '') => (await server.app.inject(`/v1/runs/${id}/predictions${query}`)).json();
  expect(await get()).toEqual({ items: [] });
  const tenure = await runs.acquire(id);
  const tell = async (task: string, stage: PredictionsReport['stage'], told: typeof predictions) => {
    const lines = told.map((one) => `${JSON.stringify(one)}\n`).join('');
    const { sha256 } = await server.stores.artifacts.put(new TextEncoder().encode(lines));
    const at = { task, stage, split: 'test' as const, step: 3, count: told.length };
    const fields: PredictionsReport = { ...at, sha256, predictions: told.slice(0, 1) };
    await runs.recordLog(id, tenure!.fencingToken, { message: 'stored', fields });
  };
  await runs.recordLog(id, tenure!.fencingToken, { message: 'another line', fields: { task: 'vqa' } });
  await tell('vqa', 'baseline', predictions.slice(2));
  await tell('vqa', 'final', predictions.slice(1));
  await tell('vqa', 'final', predictions);
  await tell('captioning', 'final', predictions.slice(0, 2));
  const all = await get();
  expect(violationsOf(PredictionList, all)).toEqual([]);
  expect(all.items).toEqual([
    { task: 'vqa', stage: 'baseline', split: 'test', step: 3, count: 1, predictions: predictions.slice(2) },
    { task: 'vqa', stage: 'final', split: 'test', step: 3, count: 3, predictions },
    {
      task: 'captioning',
      stage: 'final',
      split: 'test',
      step: 3,
      count: 2,
      predictions: predictions.slice(0, 2),
    },
  ]);
  expect((await get('?task=captioning')).items).toHaveLength(1);
  expect((await get('?task=vqa&after=1&limit=1')).items[1].predictions).toEqual(predictions.slice(1, 2));
  expect((await server.app.inject('/v1/runs/run_no/predictions')).statusCode).toBe(404);
});
