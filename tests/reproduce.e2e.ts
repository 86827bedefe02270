/** What a model says it was made from is enough to make it again, bit for bit, and what is not the same is said. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../apps/cli/src/program.ts';
import { type Service, startService } from './fixtures/service.ts';
import { tinySpec } from './fixtures/specs.ts';

let service: Service;
beforeAll(async () => {
  service = await startService({ workers: 2, backend: 'wasm' });
});
afterAll(() => service?.close());

async function triptych(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runProgram({
    ...{ args, url: service.stack.url, token: () => service.stack.token },
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    signal: new AbortController().signal,
  });
  return { code, out: out.join(''), err: err.join('') };
}

test('a run, and the folder of its model, are trained again to the same weights', async () => {
  const spec = tinySpec({ steps: 3, workers: 2, evaluate: true });
  const validation = { everySteps: 1, limit: 28, split: 'train' as const, tasks: ['zero-shot'] };
  const run = await service.run({ ...spec, name: 'first', validation, checkpoint: { keep: 'best:loss' } });
  expect(run.status).toBe('SUCCEEDED');
  // Of the validations the scores of the run tell, not the run.
  expect(new Set(run.scores.map(({ stage }) => stage))).toEqual(new Set(['baseline', 'final']));
  const seen = (await service.client.runs.scores(run.id)).filter(({ stage }) => stage === 'validation');
  expect(seen.filter(({ metric }) => metric === 'loss').map(({ step, task }) => [step, task])).toEqual([
    [1, 'infonce'],
    [2, 'infonce'],
    [3, 'infonce'],
  ]);
  expect(seen.some(({ task, step }) => task === 'zero-shot' && step === 2)).toBe(true);
  const again = await triptych('reproduce', 'first', '--workers', '1');
  expect(again).toMatchObject({ code: 0, out: expect.stringContaining(`sha256 ${run.weights!.sha256}`) });
  expect(again.out).toMatch(
    /dataset scenes +\w{64} +\w{64} +same\nbase model +preset clip-tiny +preset clip-tiny +same\nnumerics .* same\n/,
  );

  const folder = join(service.home, 'first');
  expect((await triptych('models', 'download', 'first', '--out', folder)).code).toBe(0);
  // Elsewhere the dataset has another name; its content counts.
  const path = join(service.home, 'scenes');
  await service.client.datasets.delete('scenes');
  const missing = await triptych('reproduce', folder);
  expect([missing.code, missing.err]).toEqual([
    1,
    expect.stringMatching(
      /\/datasets\/0: expected a dataset of the content \w{64}, which was "scenes", got none .*; register the folder/,
    ),
  ]);
  await service.client.datasets.register({ name: 'pictures', path });
  await service.client.datasets.ready('pictures');
  const elsewhere = JSON.parse((await triptych('reproduce', folder, '--json')).out);
  expect(elsewhere).toMatchObject({ same: true, here: run.weights!.sha256 });

  const file = join(folder, 'triptych.json');
  const provenance = JSON.parse(await readFile(file, 'utf8'));
  await writeFile(file, JSON.stringify({ ...provenance, spec: { ...provenance.spec, seed: 12 } }));
  const other = await triptych('reproduce', folder);
  expect(other).toMatchObject({ code: 1, out: expect.stringContaining('Not reproduced: sha256 was') });
  expect((await triptych('reproduce', path)).err).toContain('does not exist; models that were imported');
});

test('the card of a model is read by the Hub: front matter that is YAML, results, and the hash of the weights', async () => {
  const { parse } = await import('yaml');
  const readme = await readFile(join(service.home, 'first', 'README.md'), 'utf8');
  const front = parse(readme.split('---\n')[1]!);
  expect(front).toMatchObject({
    library_name: 'transformers',
    pipeline_tag: 'zero-shot-image-classification',
  });
  const [{ results }] = front['model-index'];
  expect(results.map(({ task }: { task: { type: string } }) => task.type)).toEqual([
    'zero-shot',
    'retrieval',
  ]);
  expect(results[0].metrics[0]).toMatchObject({ type: 'accuracy@1', value: expect.any(Number) });
  const run = await service.client.runs.get('first');
  expect(readme).toContain(`| weights sha256 | \`${run.weights!.sha256}\` |`);
});
