/** The model as training and evaluation see it: batches, what is trained, adapters, answers and likelihoods from prompts. */
import { random, readSafetensors, selectBackend, tf } from '@triptych/nn';
import { bytesRanges } from '@triptych/nn/safetensors';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Example, Model, ModelFile, Prompt } from '../model.ts';
import { llavaDialects } from '../weights/dialects/llava.ts';
import { flatSource } from '../weights/flat-source.ts';
import { openPeftAdapter } from '../weights/peft-adapter.ts';
import { llava as card } from './card.ts';
import type { LlavaInputs } from './inputs.ts';
import { llavaLayout } from './layout.ts';
import { llavaFactory } from './model.ts';
import { llavaPresets } from './presets.ts';
import type { LlavaBatch } from './processor.ts';
import { loadLlavaWeights } from './weight-file.ts';

const { config } = llavaPresets['llava-tiny']!;
const inputs: LlavaInputs = {
  template: 'auto',
  imagePlacement: 'front',
  captionPrompt: 'Describe it.',
  answerPrompt: '',
  tooLong: 'refuse',
  questionsTogether: 1,
};
const texts = ['a red square on grey', 'USER: What colour is it? ASSISTANT: blue'];
const adapter = { rank: 4, alpha: 8, dropout: 0.2, rankStabilised: false };

beforeAll(() => selectBackend({ backend: 'wasm' }));

function open(method: string, trained?: Float32Array): Promise<Model> {
  const { trains, adapts = [] } = card.methods[method]!;
  return llavaFactory.open({
    config,
    tensors: card.parameters(config),
    trains,
    adapts,
    adapter: adapts.length > 0 ? adapter : undefined,
    weights: llavaFactory.initialWeights(config, 3),
    trained,
    files: llavaFactory.initialFiles(config, texts),
    memory: 'keep',
    inputs,
    seed: 1,
  });
}

function picture(seed: number): Uint8Array {
  const stream = random(seed, 'picture');
  return Uint8Array.from({ length: 3 * 32 * 32 }, () => stream.integer(256));
}

const example = (content: Example['content'], images: number): Example => ({
  id: 'x',
  content,
  images,
  pixels: async (i) => picture(i),
  pictureKey: (i) => `picture ${i}`,
  choose: () => 0,
  dataset: 1,
});
const mixed = [
  example({ kind: 'captions', texts: ['a red square'] }, 1),
  example({ kind: 'question', question: 'What colour?', answers: ['blue', 'red'] }, 2),
  example(
    {
      kind: 'conversation',
      turns: [
        { role: 'user', text: 'hi' },
        { role: 'assistant', text: 'hello' },
      ],
    },
    0,
  ),
];

function logitsOf(model: Model, batch: LlavaBatch, pass = {}): Float32Array {
  const outputs = model.forward(batch, pass);
  if (outputs.kind !== 'logits') throw new Error('features');
  const values = outputs.logits.dataSync<'float32'>().slice();
  outputs.logits.dispose();
  return values;
}

test('a batch of several kinds has a row of logits for each token that is learnt', async () => {
  using model = await open('full');
  const batch = (await model.processor.batch(mixed)) as LlavaBatch;
  expect(batch.texts.imageCounts).toEqual([1, 2, 0]);
  const { image_seq_length, vision_config } = config;
  expect(batch.pictures.kind).toBe('features');
  expect(batch.pictures.values).toHaveLength(3 * image_seq_length * vision_config.hidden_size);
  const { labels, datasets } = batch.targets;
  expect([...datasets]).toEqual(Array.from(labels, () => 1));
  for (const [i, row] of batch.rows.entries()) expect(batch.texts.ids[row + 1]).toBe(labels[i]);
  expect(logitsOf(model, batch)).toHaveLength(labels.length * config.text_config.vocab_size);
});

test('a tower that is not trained sees each picture once and alone, one that is trained in every step', async () => {
  using frozen = await open('projector');
  using other = await open('projector');
  using trained = await open('scratch');
  const before = tf.memory().numTensors;
  const seenBy = async (model: Model, examples: readonly Example[]) =>
    ((await model.processor.batch(examples)) as LlavaBatch).pictures.values;
  const together = await seenBy(frozen, mixed);
  let asked = 0;
  const pixels = async (i: number) => {
    asked++;
    return picture(i);
  };
  const again = mixed.map((one) => ({ ...one, pixels }));
  expect(await seenBy(frozen, again)).toEqual(together);
  expect(asked).toBe(0);
  // A model that has seen nothing yet, and other company.
  expect(await seenBy(other, [mixed[1]!])).toEqual(together.subarray(together.length / 3));
  expect(tf.memory().numTensors).toBe(before);
  const batch = (await trained.processor.batch(mixed)) as LlavaBatch;
  expect(batch.pictures.kind).toBe('patches');
  // The same weights: a batch of pictures adds in another order than one picture.
  const [expected, actual] = [
    logitsOf(trained, batch),
    logitsOf(frozen, (await frozen.processor.batch(mixed)) as LlavaBatch),
  ];
  const largest = Math.max(...expected.map(Math.abs));
  for (const [i, value] of actual.entries())
    expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5 * largest);
});

test('a preview marks answers and their ends', async () => {
  using model = await open('full');
  const learnt = (content: Example['content'], images: number) =>
    model.processor
      .preview({ id: 'x', content, images })
      .tokens.filter(({ supervised }) => supervised)
      .map(({ text }) => text)
      .join('');
  expect(learnt(mixed[0]!.content, 1)).toBe(' a red square</s>');
  expect(learnt(mixed[1]!.content, 2)).toBe(' blue</s>');
  expect(learnt(mixed[2]!.content, 0)).toBe(' hello</s>');
  const { tokens } = model.processor.preview({ id: 'x', content: mixed[0]!.content, images: 1 });
  const text = tokens.map((token) => token.text).join('');
  expect(text).toBe(`<s>USER: ${'<image>'.repeat(16)}\nDescribe it. ASSISTANT: a red square</s>`);
});

test('samples that cannot be learnt are refused by name', async () => {
  using model = await open('full');
  const batch = (content: Example['content'], images: number) =>
    model.processor.batch([example(content, images)]);
  await expect(batch({ kind: 'interleaved', parts: ['a'] }, 0)).rejects.toThrow(
    /Sample x: LLaVA needs a conversation, a question or captions, got interleaved/,
  );
  const turns = [
    { role: 'user', text: 'What is it?' },
    { role: 'assistant', text: 'a' },
  ] as const;
  await expect(batch({ kind: 'conversation', turns }, 1)).rejects.toThrow(
    /Sample x: .*0 image tokens.*1 image/,
  );
  await expect(batch({ kind: 'captions', texts: ['long '.repeat(300)] }, 1)).rejects.toThrow(
    /Sample x: it has \d+ tokens, and a text may have 256; raise inputs.maxTokens/,
  );
});

test('each method trains what it says', async () => {
  const groupsOf = async (method: string) => {
    using model = await open(method);
    return [...new Set(model.trainableTensors.map(({ group }) => group.split('/')[0]))].sort();
  };
  expect(await groupsOf('full')).toEqual(['decoder', 'projector']);
  expect(await groupsOf('projector')).toEqual(['projector']);
  expect(await groupsOf('scratch')).toEqual(['decoder', 'projector', 'vision']);
  using lora = await open('lora');
  const keys = lora.trainableTensors.map(({ key }) => key);
  // Seven matrices in each of two blocks, A and B; two linear layers with biases.
  expect(keys).toHaveLength(2 * 7 * 2 + 4);
  expect(keys.filter((key) => key.includes('lora_'))).toHaveLength(28);
  const sized = card.adapters!(config, { groups: ['decoder'], rank: adapter.rank });
  expect(sized.map(({ key }) => key)).toEqual(keys.filter((key) => key.includes('lora_')));
});

describe('adapters', () => {
  test('change nothing at first; with dropout each step and shard has its own', async () => {
    using base = await open('projector');
    using model = await open('lora');
    const batch = (await model.processor.batch(mixed)) as LlavaBatch;
    expect(logitsOf(model, batch)).toEqual(logitsOf(base, batch));
    using other = await open('lora', moved(model));
    const dropped = (step: number, shard: number) =>
      Buffer.from(logitsOf(other, batch, { dropout: { step, shard } }).buffer).toString('base64');
    expect(dropped(1, 2)).toBe(dropped(1, 2));
    expect(new Set([dropped(1, 2), dropped(1, 3), dropped(2, 2)]).size).toBe(3);
  });

  test('are exported merged and by themselves', async () => {
    using fresh = await open('lora');
    using model = await open('lora', moved(fresh));
    const batch = (await model.processor.batch(mixed)) as LlavaBatch;
    const files = new Map(model.export().map((file) => [file.path, file]));
    const textFiles: Record<string, string> = {};
    for (const [path, { content }] of files)
      if (content instanceof Uint8Array) textFiles[path] = new TextDecoder().decode(content);
    expect(card.parseConfig(JSON.parse(textFiles['config.json']!))).toEqual(config);
    const merged = readSafetensors(await bytesOf(files.get('model.safetensors')!));
    expect([...merged.tensors.keys()].filter((name) => name.includes('lora'))).toEqual([]);
    using again = await llavaFactory.open({
      config,
      tensors: card.parameters(config),
      trains: ['projector'],
      adapts: [],
      weights: flatSource(llavaLayout(config), loadLlavaWeights(merged, config)),
      files: textFiles,
      memory: 'keep',
      inputs,
      seed: 1,
    });
    expect(again.processor.transform).toEqual(model.processor.transform);
    const [expected, actual] = [logitsOf(model, batch), logitsOf(again, batch)];
    const largest = Math.max(...expected.map(Math.abs));
    const difference = Math.max(...actual.map((value, i) => Math.abs(value - expected[i]!)));
    // Merging rounds each weight once more.
    expect(difference / largest).toBeLessThan(5e-5);
    expect(difference).toBeGreaterThan(0);
    const opened = await openPeftAdapter(
      async (path) => {
        const file = files.get(`adapter/${path}`);
        return file && bytesRanges(path, await bytesOf(file));
      },
      { dialects: llavaDialects, parameters: card.parameters(config).flatMap(({ parts }) => parts) },
    );
    expect(opened.options).toEqual(adapter);
    const read = new Map([...opened.matrices, ...opened.whole]);
    for (const { name, offset, length } of model.trainable.layout.named()) {
      const { data } = await read.get(name)!.read();
      expect([...data], name).toEqual([...model.trainable.flat.subarray(offset, offset + length)]);
    }
    expect(read.size).toBe(28 + 4);
  });
});

/** Trained weights as if some steps had been taken. */
function moved({ trainable }: Model): Float32Array {
  const stream = random(5, 'moved');
  return trainable.flat.map((value) => value + 0.05 * stream.normal());
}

async function bytesOf({ content }: ModelFile): Promise<Uint8Array> {
  if (content instanceof Uint8Array) return content;
  const pieces = [];
  for await (const piece of content()) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

describe('from prompts', () => {
  const ask = (question: string, seeds: number[]): Prompt => ({
    content: { kind: 'question', question, answers: [] },
    pictures: seeds.map(picture),
    shots: [],
  });
  const prompts: Prompt[] = [
    ask('What colour is it?', [1]),
    { ...ask('What?', [2, 3]), shots: [{ content: mixed[0]!.content, pictures: [picture(4)] }] },
    { content: { kind: 'captions', texts: [] }, pictures: [picture(5)], shots: [] },
  ];
  const limits = { maxNewTokens: 6, temperature: 0, topP: 1, seed: 1, lengthPenalty: 0 };

  test('answers come in pieces, greedy or by beams, a prompt alone as in company', async () => {
    using model = await open('lora');
    const before = tf.memory().numTensors;
    for (const beams of [1, 3]) {
      const generate = async (some: Prompt[]) => {
        const found = some.map(() => '');
        for await (const { index, text } of model.abilities.generate!(some, { ...limits, beams }))
          found[index] += text;
        return found;
      };
      const together = await generate(prompts);
      expect(together.every((text) => text.length > 0 && text === text.trimStart())).toBe(true);
      const alone = [];
      for (const prompt of prompts) alone.push(...(await generate([prompt])));
      expect(alone).toEqual(together);
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  test('the likelihood of an answer is that of its tokens in a sample', async () => {
    using model = await open('full');
    const before = tf.memory().numTensors;
    const { sums, tokens } = await model.abilities.loglikelihood!(prompts, ['blue', 'a']);
    expect(tf.memory().numTensors).toBe(before);
    // The first prompt with its answer as a sample: log-softmax at the rows that predict the answer, without its end.
    const batch = (await model.processor.batch([
      {
        ...example({ kind: 'question', question: 'What colour is it?', answers: ['blue'] }, 1),
        pixels: async () => picture(1),
      },
    ])) as LlavaBatch;
    const logits = logitsOf(model, batch);
    const width = config.text_config.vocab_size;
    let expected = 0;
    for (let i = 0; i < tokens[0]!; i++) {
      const row = logits.subarray(i * width, (i + 1) * width);
      const total = row.reduce((sum, logit) => sum + Math.exp(logit), 0);
      expected += row[batch.targets.labels[i]!]! - Math.log(total);
    }
    expect(batch.targets.labels).toHaveLength(tokens[0]! + 1);
    expect(sums[0]! / expected).toBeCloseTo(1, 5);
  });
});
