/** What every architecture must keep with every method under every objective. A new one is found in the registries. */
import { memoryGroups, shardRange } from '@triptych/collective';
import type { Content } from '@triptych/datasets';
import {
  type Architecture,
  architectures,
  type Batch,
  type Example,
  isInGroups,
  type Model,
  objectivesOf,
  openFolderWeights,
  sourceOf,
} from '@triptych/models';
import { random, selectBackend, tf } from '@triptych/nn';
import { bytesRanges } from '@triptych/nn/safetensors';
import { beforeAll, describe, expect, test } from 'vitest';
import { configForRun } from './catalog/run-config.ts';
import { trainedGroups } from './catalog/trained-tensors.ts';
import { objectives } from './objectives/registry.ts';
import { Trainer } from './step/trainer.ts';
import { openModel } from './testing/open-model.ts';

const cases = Object.values(architectures).flatMap((architecture) =>
  Object.keys(architecture.methods).flatMap((method) =>
    objectivesOf(architecture, method).map((kind) => ({
      name: architecture.name,
      architecture,
      method,
      kind,
    })),
  ),
);
const classNames = ['square', 'circle', 'star'];
const texts = ['a red square on grey', 'a blue circle', 'What colour is the square? red', 'yes', 'no'];

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
});

describe.each(cases)('$name, $method, $kind', ({ architecture, method, kind }) => {
  const config = tinyConfig(architecture, { method, kind });

  test('has a finite loss, moves what it trains and nothing else, and leaks no tensor', async () => {
    const before = tf.memory().numTensors;
    const model = await openModel({ architecture, config, method, texts });
    const { flat, layout } = model.trainable;
    const initial = flat.slice();
    const [group] = memoryGroups(1);
    const trainer = await trainerOf(model, { kind, rank: 0, group: group! });
    const batches = await batchesOf(model, architecture);
    const counts = [];
    for (let step = 0; step < 3; step++) {
      const { loss } = await trainer.step(batches, at(step));
      expect(Number.isFinite(loss)).toBe(true);
      counts.push(tf.memory().numTensors);
    }
    expect(new Set(counts).size).toBe(1);
    const still = [...layout.named()].filter(({ offset, length }) =>
      flat.subarray(offset, offset + length).every((value, i) => value === initial[offset + i]),
    );
    expect(still.map(({ name }) => name)).toEqual([]);
    const { trains } = trainedGroups({ architecture }, { method });
    const trained = architecture.parameters(config).filter(({ group: of }) => isInGroups(of, trains));
    const keys = new Set(layout.specs.map(({ key }) => key));
    expect(trained.every(({ key }) => keys.has(key))).toBe(true);
    model[Symbol.dispose]();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('three ranks give the bits of one', async () => {
    const bitsWith = async (worldSize: number) => {
      const bits = await Promise.all(
        memoryGroups(worldSize).map(async (group) => {
          using model = await openModel({ architecture, config, method, texts });
          const range = shardRange(group.rank, worldSize, 3);
          const trainer = await trainerOf(model, { kind, rank: group.rank, group, worldSize });
          const batches = (await batchesOf(model, architecture, 3)).slice(range.start, range.end);
          for (let step = 0; step < 2; step++) await trainer.step(batches, at(step));
          return Buffer.from(model.trainable.flat.slice().buffer).toString('base64');
        }),
      );
      expect(new Set(bits).size).toBe(1);
      return bits[0];
    };
    expect((await bitsWith(3)) === (await bitsWith(1))).toBe(true);
  });

  test('is saved and loaded without changing a byte', async () => {
    using model = await openModel({ architecture, config, method, texts });
    const bytes = await weightsOf(model);
    const factory = await architecture.load();
    const { weights } = await openFolderWeights(
      async (path) => (path === 'model.safetensors' ? bytesRanges(path, bytes) : undefined),
      { rules: architecture, config },
    );
    using again = await factory.open({
      config,
      tensors: architecture.parameters(config),
      ...trainedGroups({ architecture }, { method }),
      ...(architecture.methods[method]!.adapts && {
        adapter: { rank: 4, alpha: 8, dropout: 0, rankStabilised: false },
      }),
      weights: sourceOf(weights),
      files: model.files,
      memory: 'keep',
      inputs: inputsOf(architecture),
      seed: 2,
    });
    expect(Buffer.compare(await weightsOf(again), bytes)).toBe(0);
  });
});

function tinyConfig(architecture: Architecture, { method, kind }: { method: string; kind: string }): object {
  const preset = Object.entries(architecture.presets).find(([name]) => name.endsWith('-tiny'))!;
  const { config } = preset[1];
  return configForRun({ architecture, config }, { method, objective: { kind }, classNames });
}

const at = (step: number) => ({
  step,
  learningRate: 1e-3,
  signal: new AbortController().signal,
  samplesOf: () => [],
});

async function trainerOf(
  model: Model,
  run: { kind: string; rank: number; group: ReturnType<typeof memoryGroups>[number]; worldSize?: number },
): Promise<Trainer> {
  const { scalars, load } = objectives[run.kind]!;
  const shards = run.worldSize === undefined ? 2 : 3;
  const range = shardRange(run.rank, run.worldSize ?? 1, shards);
  return new Trainer({
    model,
    objective: await load(),
    scalars,
    group: run.group,
    shards,
    range,
    samplesPerShard: 4,
    // Without decay a parameter moves only where it has a gradient.
    optimizer: { beta1: 0.9, beta2: 0.98, epsilon: 1e-6, weightDecay: 0, clipNorm: 0 },
    recompute: false,
  });
}

const inputsOf = ({ inputs }: Architecture): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(inputs.properties).flatMap(([name, schema]) => {
      const { default: value } = schema as { default?: unknown };
      return value === undefined ? [] : [[name, value]];
    }),
  );

async function batchesOf(model: Model, architecture: Architecture, shards = 2): Promise<Batch[]> {
  const batches = [];
  for (let shard = 0; shard < shards; shard++)
    batches.push(
      await model.processor.batch(
        Array.from({ length: 4 }, (_, i) => exampleOf(model, architecture, shard * 4 + i)),
      ),
    );
  return batches;
}

/** A picture of noise with a text of a kind that the architecture takes. */
function exampleOf(model: Model, { contents }: Architecture, seed: number): Example {
  const stream = random(seed, 'example');
  const { size } = model.processor.transform;
  const pixels = Uint8Array.from({ length: 3 * size ** 2 }, () => stream.integer(256));
  return {
    id: `sample ${seed}`,
    content: contentOf[contents[seed % contents.length]!](texts[seed % texts.length]!),
    images: 1,
    classIndex: seed % classNames.length,
    pixels: async () => pixels,
    pictureKey: () => `noise ${seed}`,
    choose: () => 0,
    dataset: 0,
  };
}

const contentOf: Readonly<Record<Content['kind'], (text: string) => Content>> = {
  captions: (text) => ({ kind: 'captions', texts: [text] }),
  question: (text) => ({ kind: 'question', question: `Is it ${text}?`, answers: ['yes'] }),
  interleaved: (text) => ({ kind: 'interleaved', parts: [{ image: 0 }, text] }),
  conversation: (text) => ({
    kind: 'conversation',
    turns: [
      { role: 'user', text: `<image>\nWhat is it?` },
      { role: 'assistant', text },
    ],
  }),
};

async function weightsOf(model: Model): Promise<Uint8Array> {
  const { content } = model.export().find(({ path }) => path === 'model.safetensors')!;
  if (content instanceof Uint8Array) return content;
  const pieces = [];
  for await (const piece of content()) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}
