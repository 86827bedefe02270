/**
 * Follows docs/extending.md: its code is plugged into the registries and trained with. What the page shows is the text of the
 * files here, with their imports as they are at the place that the page names.
 */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packDataset } from '@triptych/datasets';
import { openFolderWeights } from '@triptych/models';
import { random, selectBackend, tf } from '@triptych/nn';
import { bytesRanges } from '@triptych/nn/safetensors';
import type { RunSpec } from '@triptych/protocol';
import { memoryStore, readFileList } from '@triptych/storage';
import { resolveRunSpec } from '@triptych/training/catalog';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { formatNames, formats } from '../packages/datasets/src/formats/registry.ts';
import { architectures, presets } from '../packages/models/src/registry.ts';
import { tasks } from '../packages/training/src/catalog/tasks/registry.ts';
import { objectives } from '../packages/training/src/objectives/registry.ts';
import { png } from '../packages/training/src/testing/png.ts';
import { eventsOf, modelOf, runAll } from '../packages/training/src/testing/tiny-run.ts';
import { patchColours } from './fixtures/extending/architecture/card.ts';
import { yesNoList } from './fixtures/extending/format/yes-no-list.ts';
import { smoothed } from './fixtures/extending/objective/card.ts';
import { objective } from './fixtures/extending/objective/objective.ts';
import { anlsScorer, similarity } from './fixtures/extending/score/anls.ts';
import { brier, yesNoTask } from './fixtures/extending/task/yes-no.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'docs/extending.md'), 'utf8');

const placeOf: Readonly<Record<string, string>> = {
  'architecture/card.ts': 'packages/models/src/patch-colours/card.ts',
  'architecture/model.ts': 'packages/models/src/patch-colours/model.ts',
  'objective/card.ts': 'packages/training/src/objectives/smoothed/card.ts',
  'objective/objective.ts': 'packages/training/src/objectives/smoothed/objective.ts',
  'task/yes-no.ts': 'packages/training/src/catalog/tasks/yes-no.ts',
  'score/anls.ts': 'packages/scoring/src/scorers/anls.ts',
  'format/yes-no-list.ts': 'packages/datasets/src/formats/yes-no-list/yes-no-list.ts',
};

describe('the page', () => {
  test.each(Object.entries(placeOf))('shows %s as it is in its place', (file, place) => {
    const text = readFileSync(join(root, 'tests/fixtures/extending', file), 'utf8');
    const inPlace = text.replaceAll(/'(?:\.\.\/){4}(packages\/[^']+)'/g, (_, target: string) => {
      const path = relative(dirname(place), target);
      return `'${path.startsWith('.') ? path : `./${path}`}'`;
    });
    expect(page).toContain(`\`${place}\`:\n\n\`\`\`ts\n${inPlace}\`\`\`\n`);
  });

  test('shows nothing that is not tried here', () => {
    const shown = [...page.matchAll(/`(packages\/\S+)`:\n\n```ts/g)].map(([, place]) => place);
    expect(shown.sort()).toEqual(Object.values(placeOf).sort());
  });

  test.each([
    'packages/models/src/registry.ts',
    'packages/training/src/objectives/registry.ts',
    'packages/training/src/catalog/tasks/registry.ts',
    'packages/scoring/src/scorers/registry.ts',
    'packages/datasets/src/formats/registry.ts',
  ])('names %s, where a new one is a line', (registry) => {
    expect(page).toContain(registry);
    expect(readFileSync(join(root, registry), 'utf8')).toMatch(/new (?:one|format) is (?:a|one) line here/);
  });
});

describe('what the page adds', () => {
  const store = memoryStore();
  let folder: string;
  let packed: Awaited<ReturnType<typeof packDataset>>;

  beforeAll(async () => {
    plugIn();
    await selectBackend({ backend: 'wasm' });
    folder = await mkdtemp(join(tmpdir(), 'triptych-extending-'));
    await writePictures(folder);
    packed = await packDataset({ path: folder, format: 'auto', store });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('the format is recognised and read; what it leaves out is a problem', () => {
    expect(packed.manifest.format).toBe('yes-no-list');
    expect(packed.splits.map(({ split, samples }) => [split, samples])).toEqual([
      ['train', 24],
      ['test', 8],
    ]);
    expect(packed.problems).toEqual([
      { kind: 'missing-image', count: 1, examples: ['yes-no.json entry 32'] },
      { kind: 'unknown-split', count: 1, examples: ['yes-no.json entry 33'] },
    ]);
  });

  test('a score reads files, and says how sure it is of each image', () => {
    const scored = anlsScorer.score(
      {
        predictions: { name: 'said.json', content: { 1: 'Stopp', 2: 'exit' } },
        references: {
          name: 'right.json',
          content: [
            { question_id: 1, image: 'a.png', answers: ['stop', 'halt'] },
            { question_id: 2, image: 'b.png', answers: ['entrance'] },
          ],
        },
      },
      { missing: 'refuse' },
    );
    // One letter of five too many is 0.8; "exit" is no "entrance" at all.
    expect(scored.statistics[0]).toMatchObject({ metric: 'anls', value: 0.4, samples: 2 });
    expect(scored.statistics[0]?.of([2, 0])).toBe(0.8);
    expect(similarity('', '')).toBe(1);
  });

  test('a run resolves with the defaults of the recipe; wrong names and options are refused together', () => {
    expect(resolved({})).toMatchObject({
      method: 'full',
      objective: { kind: 'smoothed' },
      batch: { global: 16, shards: 4 },
      evaluation: { tasks: ['yes-no'], split: 'test' },
    });
    const wrong = { objective: { kind: 'smoothed', smoothing: 1 }, evaluation: { tasks: ['retrieval'] } };
    expect(() => resolved(wrong)).toThrow(
      expect.objectContaining({
        violations: [
          expect.objectContaining({ path: '/objective/smoothing' }),
          expect.objectContaining({ path: '/evaluation/tasks/0' }),
        ],
      }),
    );
  });

  test.each(['full', 'bias'])(
    '%s: one, two and three ranks train to the same bits and scores',
    async (method) => {
      const spec = resolved({ method, duration: { steps: 4 }, batch: { global: 12, shards: 3 } });
      const outcomes = [];
      for (const worldSize of [1, 2, 3]) {
        const before = tf.memory().numTensors;
        const all = await runAll({ spec, store, datasetManifest: packed.sha256, worldSize });
        expect(tf.memory().numTensors).toBe(before);
        outcomes.push({
          model: modelOf(all[0]!),
          scores: eventsOf(all[0]!, 'score').map(({ value }) => value),
        });
      }
      expect(outcomes[0]!.model.weightsSha256).toMatch(/^[0-9a-f]{64}$/);
      expect(outcomes.slice(1)).toEqual([outcomes[0], outcomes[0]]);
    },
  );

  test('it learns, and its folder can be trained further', async () => {
    const spec = resolved({ duration: { steps: 40 }, objective: { kind: 'smoothed', smoothing: 0 } });
    const [events] = await runAll({ spec, store, datasetManifest: packed.sha256 });
    const scores = eventsOf(events!, 'score').map(({ value }) => value);
    expect(scores.map(({ task, metric, stage }) => [task, metric, stage])).toEqual([
      ['yes-no', 'brier', 'baseline'],
      ['yes-no', 'brier', 'final'],
    ]);
    // Someone who knows nothing has 0.25.
    expect(scores[1]!.value).toBeLessThan(0.1);
    expect(scores[1]!.value).toBeLessThan(scores[0]!.value);

    const { artifact } = modelOf(events!);
    const [further] = await runAll({
      spec: resolved({ duration: { steps: 1 } }),
      store,
      datasetManifest: packed.sha256,
      modelArtifact: artifact,
    });
    const baseline = eventsOf(further!, 'score').find(({ value }) => value.stage === 'baseline');
    expect(baseline!.value.value).toBe(scores[1]!.value);

    const { files } = await readFileList(store, artifact);
    const file = await store.get(files.find(({ path }) => path === 'model.safetensors')!.sha256);
    const { weights } = await openFolderWeights(
      async (path) => (path === 'model.safetensors' ? bytesRanges(path, file) : undefined),
      { rules: patchColours, config: patchColours.presets['patch-colours-tiny']!.config },
    );
    expect([...weights.keys()].sort()).toEqual(['head.bias', 'head.weight']);
  });

  const resolved = (changes: Omit<Partial<RunSpec>, 'objective'> & { readonly objective?: object }) => {
    const { architecture, config: modelConfig } = presets.get('patch-colours-tiny')!;
    return resolveRunSpec(
      {
        model: 'patch-colours-tiny',
        dataset: 'pictures',
        checkpoint: { everySteps: 0 },
        ...changes,
      } as RunSpec,
      { architecture, modelConfig, dataset: { trainSamples: 24, splits: packed.splits } },
    );
  };
});

test("the objective's gradient is its loss's, by central differences", async () => {
  await selectBackend({ backend: 'cpu' });
  const targets = { labels: Int32Array.of(0, 1, 1), datasets: Int32Array.of(0, 1, 0) };
  const batch = { samples: 3, targets };
  const at = {
    options: { smoothing: 0.3 },
    samplesPerShard: 3,
    scalars: {},
    lossWeights: [1, 0.5],
    step: 1,
    samplesOf: () => [],
  };
  using whole = await objective.whole([await objective.summary({ batch }, at)], at);
  const pull = async (values: readonly number[]) => {
    const outputs = { kind: 'logits' as const, logits: tf.tensor2d([...values], [3, 2]) };
    const { gradients, losses } = await whole.pull(0, { outputs, batch });
    return { gradient: await gradients[0]!.data<'float32'>(), loss: losses[0]! + 0.5 * losses[1]! };
  };
  const logits = [0.5, -1, 2, 0.25, -0.75, 1.5];
  const { gradient } = await pull(logits);
  const step = 2 ** -7;
  for (const [i, slope] of gradient.entries()) {
    const moved = (by: number) => logits.map((value, j) => (j === i ? value + by : value));
    const difference = ((await pull(moved(step))).loss - (await pull(moved(-step))).loss) / (2 * step);
    // Logits and steps are exact in float32; what remains is the third derivative, at most 1/10, times step squared / 6.
    expect(Math.abs(slope - difference)).toBeLessThan(1e-5);
  }
});

test('the Brier score of a worked example', () => {
  // (0.7 - 1)^2 = 0.09 and (0.4 - 0)^2 = 0.16.
  expect(brier([0.7, 0.4], [1, 0])).toBeCloseTo(0.125, 12);
});

/** What the lines in the four registries do. */
function plugIn(): void {
  const card = patchColours as unknown as (typeof architectures)[string];
  Object.assign(architectures, { [card.name]: card });
  for (const [name, preset] of Object.entries(card.presets))
    (presets as Map<string, unknown>).set(name, { architecture: card, ...preset });
  Object.assign(objectives, { [smoothed.kind]: smoothed });
  Object.assign(tasks, { [yesNoTask.name]: yesNoTask });
  (formats as (typeof yesNoList)[]).unshift(yesNoList);
  (formatNames as string[]).push(yesNoList.name);
}

/** Bright and dark noise, and two entries that are wrong. */
async function writePictures(folder: string): Promise<void> {
  await mkdir(join(folder, 'pictures'));
  const list: object[] = [];
  for (let i = 0; i < 32; i++) {
    const stream = random(i, 'pictures');
    const bright = i % 2 === 0;
    const rgb = Uint8Array.from({ length: 3 * 32 ** 2 }, () => stream.integer(128) + (bright ? 128 : 0));
    const image = `pictures/${i}.png`;
    await writeFile(join(folder, image), png(rgb, 32));
    const answer = bright ? 'yes' : 'no';
    list.push({ split: i < 24 ? 'train' : 'test', image, question: 'Is it bright?', answer });
  }
  list.push({ split: 'train', image: 'pictures/gone.png', question: 'Is it there?', answer: 'no' });
  list.push({ split: 'other', image: 'pictures/0.png', question: 'Is it bright?', answer: 'yes' });
  await writeFile(join(folder, 'yes-no.json'), JSON.stringify(list));
}
