import { architectures, clipPresets, type Recipe } from '@triptych/models/catalog';
import type { Dataset, Model, RunSpec, SplitSummary, TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { type ResolvedRun, resolveRun } from './run-resolution.ts';

const { config, description } = clipPresets['clip-tiny']!;
const split = (name: SplitSummary['split'], fields: Partial<SplitSummary> = {}): SplitSummary => ({
  split: name,
  samples: 100,
  images: 100,
  captions: 300,
  classes: 7,
  contents: { captions: 100, interleaved: 0, question: 0, conversation: 0 },
  ...fields,
});

/** What a submission becomes where the model is of this kind and the dataset has these splits. */
function resolved({
  kind = 'preset',
  splits = [split('train'), split('test')],
  ...body
}: Partial<RunSpec> & {
  kind?: Model['kind'];
  splits?: SplitSummary[];
} = {}): Promise<ResolvedRun> {
  const model: Model = {
    ...{
      id: 'model-1',
      name: 'mine',
      kind,
      architecture: 'clip',
      parameters: 1,
      description,
      config: { ...config },
    },
  };
  const dataset: Dataset = {
    ...{
      id: 'dataset-1',
      name: 'scenes',
      state: 'READY',
      format: 'scenes',
      path: '/data',
      manifest: 'd'.repeat(64),
      bytes: 1,
    },
    ...{ splits, classNames: [], problems: [], createdAt: '2030-01-01T00:00:00.000Z' },
  };
  const datasets = { find: async () => dataset };
  const models = { find: async () => model, presetNames: ['clip-tiny'] };
  return resolveRun(
    { model: 'model-1', dataset: 'dataset-1', ...body },
    { datasets, models, adapterOf: async () => undefined, found: [] },
  );
}

test.each(['imported', 'trained'] as const)(
  'a model that was %s is fine-tuned, a preset is trained from scratch',
  async (kind) => {
    const [fromWeights, fromScratch] = [true, false].map((pretrained) =>
      architectures['clip']!.recipe(config, { method: 'full', pretrained }),
    ) as [Recipe, Recipe];
    expect(fromWeights.learningRate).not.toBe(fromScratch.learningRate);
    expect((await resolved({ kind })).spec.optimizer.learningRate).toBe(fromWeights.learningRate);
    expect((await resolved()).spec.optimizer.learningRate).toBe(fromScratch.learningRate);
  },
);

test('what is evaluated follows what the dataset’s splits hold', async () => {
  const noCaptions = await resolved({ splits: [split('train'), split('validation', { captions: 0 })] });
  expect(noCaptions.spec.evaluation).toMatchObject({ split: 'validation', tasks: ['zero-shot'] });
  const held = await resolved();
  expect(held.spec.evaluation).toMatchObject({ split: 'test', tasks: ['zero-shot', 'retrieval'] });
  expect(held.trainSamples).toBe(100);
});

test('a task that the split cannot serve is refused before anything is queued', async () => {
  const evaluation = { split: 'test', tasks: ['retrieval'] } satisfies RunSpec['evaluation'];
  const splits = [split('train'), split('test', { captions: 0 })];
  const error = await resolved({ evaluation, splits }).catch((caught: TriptychError) => caught);
  expect(error).toMatchObject({ code: 'INVALID_INPUT', violations: [{ path: '/evaluation/tasks' }] });
});

test('a spec has names, whatever they were asked for by', async () => {
  expect((await resolved()).spec).toMatchObject({ model: 'mine', dataset: 'scenes' });
});

/** A LLaVA preset, a trained CLIP and a preset of one, found by name. */
async function composed(towers: RunSpec['towers']): Promise<ResolvedRun> {
  const modelNamed = (name: string, fields: Pick<Model, 'kind' | 'architecture' | 'config'>): Model => ({
    ...{ id: name, name, parameters: 1, description: '' },
    ...fields,
  });
  const llava = architectures['llava']!;
  const trained = {
    ...modelNamed('mine', { kind: 'trained', architecture: 'clip', config: { ...config } }),
    artifact: 'c'.repeat(64),
  };
  const known = new Map<string, Model>([
    ['mine', trained],
    ['clip-tiny', modelNamed('clip-tiny', { kind: 'preset', architecture: 'clip', config: { ...config } })],
    [
      'llava-tiny',
      modelNamed('llava-tiny', {
        kind: 'preset',
        architecture: 'llava',
        config: { ...llava.presets['llava-tiny']!.config },
      }),
    ],
  ]);
  const { datasets } = await resolved();
  return resolveRun(
    { model: 'llava-tiny', dataset: 'scenes', towers },
    {
      datasets: { find: async () => datasets[0] },
      models: { find: async (name) => known.get(name), presetNames: ['clip-tiny', 'llava-tiny'] },
      adapterOf: async () => undefined,
      found: [],
    },
  );
}

test('a tower is found by its model, whose files the run is sent', async () => {
  const { spec, towerArtifacts, modelConfig } = await composed({ vision: 'mine' });
  expect(towerArtifacts).toEqual({ vision: 'c'.repeat(64) });
  expect(spec).toMatchObject({ towers: { vision: 'mine' }, method: 'full' });
  expect(modelConfig).toMatchObject({ vision_config: config.vision_config });
});

test.each([
  [{ vision: 'nobody' }, '/towers/vision', /a preset .* or the id or name of a model/],
  [{ vision: 'clip-tiny' }, '/towers/vision', /trained or imported/],
  [{ vision: 'llava-tiny' }, '/towers/vision', /a model of clip/],
  [{ audio: 'mine' }, '/towers/audio', /a tower of LLaVA: vision/],
] as const)('%j is refused', async (towers, path, expected) => {
  const error = await composed(towers).catch((caught: TriptychError) => caught);
  expect(error).toMatchObject({ code: 'INVALID_INPUT' });
  const violation = (error as TriptychError).violations.find((one) => one.path === path);
  expect(violation?.expected).toMatch(expected);
});
