import { memoryGroups } from '@triptych/collective';
import { parseConfig } from '@triptych/models';
import { readSafetensors, selectBackend, tf } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import { memoryStore, readFileList, sha256Of } from '@triptych/storage';
import { beforeAll, expect, test } from 'vitest';
import type { TrainerEvent } from './events.ts';
import { putTinyDataset } from './testing/tiny-dataset.ts';
import { collect, eventsOf, modelOf, runAll, tinySpec } from './testing/tiny-run.ts';
import { train } from './train.ts';

type PredictionsEvent = Extract<TrainerEvent, { $case: 'predictions' }>;

const store = memoryStore();
let datasetManifest: string;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  datasetManifest = await putTinyDataset(store);
});

test('a run tells its journey: phases, every step on every rank, the rest on rank 0 alone', async () => {
  const before = tf.memory().numTensors;
  const [first, second] = await runAll({ spec: tinySpec(), store, datasetManifest, worldSize: 2 });
  expect(eventsOf(first!, 'phase').map(({ value }) => value.phase)).toEqual([
    'loading',
    'baseline',
    'training',
    'evaluating',
    'publishing',
  ]);
  const steps = eventsOf(first!, 'step').map(({ value }) => value);
  expect(steps.map(({ step, samplesProcessed, epoch }) => [step, samplesProcessed, epoch])).toEqual([
    [1, 12, 0.5],
    [2, 24, 1],
    [3, 36, 1.5],
  ]);
  for (const { loss, samplesPerSecond, allReduceBytes } of steps) {
    // Twelve pairs: about ln 12 = 2.48 for a model that knows nothing.
    expect(loss).toBeGreaterThan(1);
    expect(loss).toBeLessThan(4);
    expect(samplesPerSecond).toBeGreaterThan(0);
    expect(allReduceBytes).toBeGreaterThan(0);
  }
  expect(new Set(second!.map(({ $case }) => $case))).toEqual(new Set(['phase', 'step', 'finished']));
  expect(eventsOf(second!, 'step').map(({ value }) => value.loss)).toEqual(steps.map(({ loss }) => loss));
  const scores = eventsOf(first!, 'score').map(({ value }) => value);
  expect(scores.filter(({ stage }) => stage === 'baseline').length).toBe(8);
  expect(scores.find(({ metric, stage }) => metric === 'accuracy@1' && stage === 'final')).toMatchObject({
    task: 'zero-shot',
    split: 'test',
    step: 3,
    samples: 9,
    chance: 1 / 3,
  });
  expect(tf.memory().numTensors).toBe(before);
});

test('before it is trained, a run shows what is learnt of a text, unless it is resumed', async () => {
  const evaluation = { tasks: [], baseline: false };
  const spec = tinySpec({ model: 'llava-tiny', checkpoint: { everySteps: 1 }, evaluation });
  const previewsOf = (events: readonly TrainerEvent[]) =>
    eventsOf(events, 'phase').flatMap(({ value }) => (value.message.includes('«') ? [value.message] : []));
  const [events] = await runAll({ spec, store, datasetManifest });
  expect(previewsOf(events!)).toEqual([
    expect.stringMatching(
      /^«Learnt» of sample train\/000\.png: .*USER: <image>x16\\nDescribe the image concisely\. ASSISTANT:« a picture of a red square<\/s>»$/s,
    ),
  ]);
  const checkpoint = eventsOf(events!, 'checkpoint')[0]!.value.sha256;
  const [resumed] = await runAll({ spec, store, datasetManifest, checkpoint });
  expect(previewsOf(resumed!)).toEqual([]);
});

test('what tasks predict is stored by rank 0, and the first predictions are told', async () => {
  const evaluation = { tasks: ['captioning'], split: 'test' as const, baseline: false };
  const spec = tinySpec({ model: 'flamingo-tiny', duration: { steps: 1 }, evaluation });
  const [first, second] = await runAll({ spec, store, datasetManifest, worldSize: 2 });
  expect(eventsOf(second!, 'predictions')).toEqual([]);
  const [{ value }, ...others] = eventsOf(first!, 'predictions') as [PredictionsEvent];
  expect(others).toEqual([]);
  expect(value).toMatchObject({ task: 'captioning', stage: 'final', split: 'test', step: 1, count: 9 });
  const lines = new TextDecoder()
    .decode(await store.get(value.sha256))
    .trimEnd()
    .split('\n');
  const stored = lines.map((line) => JSON.parse(line));
  expect(stored.map(({ id }) => id)).toEqual(
    Array.from({ length: 9 }, (_, i) => `test/${String(24 + i).padStart(3, '0')}.png`),
  );
  expect(stored[0]).toMatchObject({
    prompt: '',
    truth: ['a picture of a red square', 'a red square on grey'],
  });
  expect(value.first).toEqual(stored.slice(0, 5));
});

test.each([
  ['cpu', tinySpec({ duration: { steps: 1 }, batch: { global: 3, shards: 3 }, evaluation: { tasks: [] } })],
  ['wasm', tinySpec()],
] as const)(
  'on %s, one, two and three ranks, kept, checkpointed and recomputed, give bit-identical weights and scores',
  async (backend, spec) => {
    await selectBackend({ backend });
    const outcomes = [];
    for (const [worldSize, memory, activationBudgetBytes] of [
      [1, 'keep', 2 ** 30],
      [2, 'keep', 0],
      [3, 'checkpoint', 2 ** 30],
      [1, 'checkpoint', 0],
    ] as const) {
      const options = { store, datasetManifest, worldSize, activationBudgetBytes };
      const [events] = await runAll({ spec: { ...spec, memory }, ...options });
      const scores = eventsOf(events!, 'score').map(({ value }) => value);
      outcomes.push({ model: modelOf(events!), scores });
    }
    expect(outcomes[0]!.model.weightsSha256).toMatch(/^[0-9a-f]{64}$/);
    for (const outcome of outcomes.slice(1)) expect(outcome).toEqual(outcomes[0]);
  },
);

test('resumed from a checkpoint the run ends with the same model, file for file', async () => {
  const spec = tinySpec({ checkpoint: { everySteps: 2 } });
  const [events] = await runAll({ spec, store, datasetManifest });
  const [checkpoint, last] = eventsOf(events!, 'checkpoint').map(({ value }) => value);
  expect([checkpoint!.step, last!.step]).toEqual([2, 3]);
  // How activations are kept is no part of what a checkpoint belongs to: a run that ran out of memory can go on with less.
  const changed = { ...spec, memory: 'checkpoint' } as const;
  const resume = async (sha256: string, worldSize: number) =>
    (await runAll({ spec: changed, store, datasetManifest, checkpoint: sha256, worldSize }))[0]!;
  const again = await resume(checkpoint!.sha256, 2);
  expect(eventsOf(again, 'step').map(({ value }) => value.step)).toEqual([3]);
  expect(modelOf(again)).toEqual(modelOf(events!));
  // The checkpoint at the end is byte-identical too: moments, ledger and all.
  expect(eventsOf(again, 'checkpoint')[0]?.value.sha256).toBe(last!.sha256);
  const ended = await resume(last!.sha256, 1);
  expect(eventsOf(ended, 'step')).toEqual([]);
  expect(modelOf(ended)).toEqual(modelOf(events!));
});

test('a damaged checkpoint, and one of another run, are refused', async () => {
  const spec = tinySpec({ checkpoint: { everySteps: 3 }, evaluation: { tasks: [] } });
  const [events] = await runAll({ spec, store, datasetManifest });
  const { sha256 } = eventsOf(events!, 'checkpoint')[0]!.value;
  const bytes = await store.get(sha256);
  const cut = await store.put(bytes.subarray(0, bytes.length / 2));
  const resume = (checkpoint: string, changed = spec) =>
    runAll({ spec: changed, store, datasetManifest, checkpoint });
  await expect(resume(cut.sha256)).rejects.toMatchObject({ code: 'ARTIFACT_CORRUPT' });
  await expect(resume(sha256, { ...spec, seed: 6 })).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
});

test('the model has every file that Hugging Face needs, and can be trained further', async () => {
  const [events] = await runAll({ spec: tinySpec({ evaluation: { tasks: [] } }), store, datasetManifest });
  const { artifact, weightsSha256 } = modelOf(events!);
  const { files } = await readFileList(store, artifact);
  expect(files.map(({ path }) => path)).toEqual([
    'README.md',
    'config.json',
    'merges.txt',
    'model.safetensors',
    'preprocessor_config.json',
    'special_tokens_map.json',
    'tokenizer_config.json',
    'triptych.json',
    'vocab.json',
  ]);
  const content = async (path: string) => store.get(files.find((file) => file.path === path)!.sha256);
  const weights = await content('model.safetensors');
  expect(sha256Of(weights)).toBe(weightsSha256);
  expect(readSafetensors(new Uint8Array(weights)).tensors.has('text_projection.weight')).toBe(true);
  const config = parseConfig(JSON.parse(new TextDecoder().decode(await content('config.json'))));
  expect(config.text_config.eos_token_id).toBe(511);

  const spec = tinySpec({ objective: { kind: 'siglip' }, evaluation: { tasks: [] } });
  const [further] = await runAll({ spec, store, datasetManifest, modelArtifact: artifact });
  const losses = eventsOf(further!, 'step').map(({ value }) => value.loss);
  // One log-sigmoid for each of 12 x 12 pairs, divided by 12: the bias of -10 leaves about the positives, 10 - 10 cos.
  for (const loss of losses) expect(loss).toBeGreaterThan(0);
  const sigLip = (await readFileList(store, modelOf(further!).artifact)).files;
  const sigLipWeights = await store.get(sigLip.find(({ path }) => path === 'model.safetensors')!.sha256);
  expect(readSafetensors(new Uint8Array(sigLipWeights)).tensors.has('logit_bias')).toBe(true);
});

test('it learns: after forty steps held-out colours are recognised', async () => {
  const spec = tinySpec({ duration: { steps: 40 }, optimizer: { learningRate: 2e-3 } });
  const [events] = await runAll({ spec, store, datasetManifest });
  const accuracy = eventsOf(events!, 'score').filter(({ value }) => value.metric === 'accuracy@1');
  expect(accuracy.at(-1)!.value).toMatchObject({ stage: 'final', value: 1 });
});

test('stopped by its signal, every rank ends with the reason', async () => {
  const controller = new AbortController();
  const reason = new TriptychError('CANCELLED', 'cancelled by the user');
  const spec = tinySpec({ duration: { steps: 1000 }, evaluation: { tasks: [] } });
  const runs = memoryGroups(2).map(async (group) => {
    for await (const event of train({
      spec,
      store,
      datasetManifests: [datasetManifest],
      group,
      signal: controller.signal,
    }))
      if (event.$case === 'step' && event.value.step === 2) controller.abort(reason);
  });
  for (const outcome of await Promise.allSettled(runs)) expect(outcome).toMatchObject({ reason });
});

test('a rank whose consumer goes away takes the others with it', async () => {
  const spec = tinySpec({ duration: { steps: 1000 }, evaluation: { tasks: [] } });
  const { signal } = new AbortController();
  const [leaving, staying] = memoryGroups(2).map(async (group) => {
    for await (const event of train({ spec, store, datasetManifests: [datasetManifest], group, signal }))
      if (group.rank === 0 && event.$case === 'step') return;
  });
  await expect(leaving).resolves.toBeUndefined();
  await expect(staying).rejects.toMatchObject({ code: 'COLLECTIVE_ABORTED' });
});

test('ranks that would start from different weights refuse to train', async () => {
  const { signal } = new AbortController();
  const runs = memoryGroups(2).map((group) =>
    collect(
      train({
        spec: tinySpec({ seed: group.rank }),
        store,
        datasetManifests: [datasetManifest],
        group,
        signal,
      }),
    ),
  );
  for (const outcome of await Promise.allSettled(runs))
    expect(outcome).toMatchObject({
      reason: { code: 'INTERNAL', message: expect.stringContaining('weights on rank 1') },
    });
});

test('numbers that explode stop the run with LOSS_NOT_FINITE', async () => {
  const spec = tinySpec({
    duration: { steps: 50 },
    optimizer: { learningRate: 10, weightDecay: 10, clipNorm: 0 },
    schedule: { warmupSteps: 0 },
    evaluation: { tasks: [] },
  });
  await expect(runAll({ spec, store, datasetManifest, worldSize: 2 })).rejects.toMatchObject({
    code: 'LOSS_NOT_FINITE',
    message: expect.stringMatching(/step \d+/),
  });
});
