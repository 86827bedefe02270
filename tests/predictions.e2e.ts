/** Models trained over REST, then asked over REST: each architecture, on the one worker that trained it. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PredictionEvent } from '@triptych/client';
import { Prediction, violationsOf } from '@triptych/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Service, startService } from './fixtures/service.ts';
import { tinySpec } from './fixtures/specs.ts';

let service: Service;
let image: string;
beforeAll(async () => {
  service = await startService({ workers: 1, images: 60 });
  const scenes = join(service.home, 'scenes');
  const files = (await readdir(scenes, { recursive: true })).filter((path) => /\.(png|jpe?g)$/.test(path));
  image = (await readFile(join(scenes, files.sort()[0]!))).toString('base64');
});
afterAll(() => service?.close());

async function trained(model: string): Promise<string> {
  const run = await service.run({
    ...{ ...tinySpec({ steps: 2, workers: 1 }), model, evaluation: { tasks: [], baseline: false } },
  });
  expect(run.status).toBe('SUCCEEDED');
  return run.modelId!;
}

test('clip ranks labels; the same question gives the same numbers, faster: the model is open', async () => {
  const model = await trained('clip-tiny');
  const request = { kind: 'classify' as const, model, image, labels: ['circle', 'square', 'star'] };
  const first = await service.client.predictions.create(request);
  expect(violationsOf(Prediction, first)).toEqual([]);
  const again = await service.client.predictions.create(request);
  const { seconds: _, ...answer } = first;
  expect(again).toMatchObject(answer);
  expect(await service.client.models.get(model)).toMatchObject({
    predictions: ['classify', 'match-captions', 'match-images'],
  });
});

test.each(['llava-tiny', 'flamingo-tiny'])(
  '%s writes a caption, whole and streamed; the worker trains again afterwards',
  async (name) => {
    const model = await trained(name);
    const request = { kind: 'caption' as const, model, image, limits: { maxNewTokens: 5 } };
    const whole = await service.client.predictions.create(request);
    const events: PredictionEvent[] = [];
    for await (const event of service.client.predictions.stream(request)) events.push(event);
    const pieces = events.flatMap((event) => (event.type === 'text' ? [event.text] : []));
    expect(whole).toMatchObject({ kind: 'caption', text: pieces.join('').trim() });
    expect(events.at(-1)).toMatchObject({ type: 'done', prediction: { text: pieces.join('').trim() } });
  },
);

test('while the worker trains, the answer is 503 with what to do', async () => {
  const model = await trained('clip-tiny');
  const { id } = await service.client.runs.create(tinySpec({ steps: 100_000, workers: 1 }));
  await service.reached(id, 1);
  const busy = service.client.predictions.create({
    kind: 'match-captions',
    model,
    image,
    captions: ['a', 'b'],
  });
  await expect(busy).rejects.toMatchObject({
    ...{ code: 'UNAVAILABLE', message: expect.stringContaining('busy') },
  });
  await service.client.runs.cancel(id);
  await service.finished(id);
});
