/** Each architecture, trained for three steps as a run trains it, then asked from what it published. */
import { createHash } from 'node:crypto';
import { zeroShotPrompts } from '@triptych/datasets';
import { architectureNamed } from '@triptych/models/catalog';
import { selectBackend, tf } from '@triptych/nn';
import { type PredictionTask, TriptychError } from '@triptych/protocol';
import { memoryStore } from '@triptych/storage';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultsOf } from '../catalog/resolve-run-spec.ts';
import { png } from '../testing/png.ts';
import { putTinyDataset } from '../testing/tiny-dataset.ts';
import { collect, modelOf, runAll, tinySpec } from '../testing/tiny-run.ts';
import { OpenedModel } from './opened-model.ts';
import { type PredictionOutput, predict } from './predict.ts';

const store = memoryStore();
const opened = new Map<string, OpenedModel>();
const going = new AbortController().signal;

beforeAll(async () => {
  await selectBackend({ backend: 'wasm' });
  const datasetManifest = await putTinyDataset(store);
  for (const name of ['clip', 'llava', 'flamingo']) {
    const spec = tinySpec({ model: `${name}-tiny`, evaluation: { tasks: [] } });
    const [events] = await runAll({ spec, store, datasetManifest });
    opened.set(
      name,
      await OpenedModel.open({ store, artifact: modelOf(events!).artifact, inputs: spec.inputs }),
    );
  }
});
afterAll(() => {
  for (const model of opened.values()) model[Symbol.dispose]();
});

/** A square of one colour on grey, 40 by 30: no model's own size. */
function picture(rgb: readonly number[]) {
  const data = new Uint8Array(40 * 30 * 3).fill(120);
  for (let y = 5; y < 25; y++) for (let x = 10; x < 30; x++) data.set(rgb, (y * 40 + x) * 3);
  return png(data, 40);
}
const red = { path: '/image', content: picture([220, 30, 30]) };
const blue = { path: '/images/1', content: picture([40, 60, 230]) };

const ask = (name: string, task: PredictionTask, pictures = [red, blue], signal = going) =>
  collect(predict(opened.get(name)!, { task, pictures, signal }));

function rankingIn(outputs: readonly PredictionOutput[]) {
  const [last] = outputs;
  if (outputs.length !== 1 || last?.kind !== 'result' || !('ranking' in last.result))
    throw new Error(`no ranking alone: ${JSON.stringify(outputs)}`);
  return last.result;
}

const labels = ['red square', 'green square', 'blue square'];

describe('rankings', () => {
  test('of labels by CLIP are cosines with the mean of the prompts; probabilities a softmax at the learnt scale', async () => {
    const { measure, ranking } = rankingIn(await ask('clip', { kind: 'classify', image: 0, labels }));
    const { model, logitScale } = opened.get('clip')!;
    const embed = model.abilities.embed!;
    // By hand: a picture of the wanted size, each prompt by itself.
    const [pixels] = await transformedBy('clip', [red.content]);
    const image = await embed.images([pixels]);
    const expected: number[] = [];
    for (const label of labels) {
      const mean = new Float64Array(embed.width);
      for (const prompt of zeroShotPrompts(label, embed.prompts))
        for (const [i, value] of (await embed.texts([prompt])).entries()) mean[i]! += value;
      const norm = Math.hypot(...mean);
      expected.push(mean.reduce((sum, value, i) => sum + (value / norm) * image[i]!, 0));
    }
    expect(measure).toBe('cosine');
    expect(ranking.map(({ text, index }) => [text, labels[index]])).toEqual(
      ranking.map(({ text }) => [text, text]),
    );
    // Unit rows in float32, sums of a few dozen products.
    for (const { index, score } of ranking) expect(score).toBeCloseTo(expected[index]!, 5);
    expect(ranking.map(({ score }) => score)).toEqual(
      ranking.map(({ score }) => score).toSorted((a, b) => b - a),
    );
    expect(logitScale).toBeGreaterThan(1);
    const sum = expected.reduce((total, score) => total + Math.exp(logitScale * score), 0);
    for (const { index, probability } of ranking)
      expect(probability).toBeCloseTo(Math.exp(logitScale * expected[index]!) / sum, 4);
  });

  test('templates of the request replace the usual ones', async () => {
    const templates = ['{}'];
    const bare = rankingIn(await ask('clip', { kind: 'classify', image: 0, labels, templates }));
    const captions = rankingIn(await ask('clip', { kind: 'match-captions', image: 0, captions: labels }));
    expect(bare.ranking.map(({ text }) => text)).toEqual(captions.ranking.map(({ text }) => text));
    // The mean of one unit row is made a unit row once more.
    for (const [i, { score }] of bare.ranking.entries())
      expect(score).toBeCloseTo(captions.ranking[i]!.score, 6);
  });

  test('of pictures by CLIP: the same likeness, seen from the text', async () => {
    const task = { kind: 'match-images', text: 'a red square', images: [0, 1] } as const;
    const { ranking } = rankingIn(await ask('clip', { ...task, images: [...task.images] }));
    for (const { index, score, text } of ranking) {
      const captions = ['a red square', 'a blue square'];
      const other = rankingIn(await ask('clip', { kind: 'match-captions', image: index, captions }));
      expect(score).toBeCloseTo(other.ranking.find(({ text: of }) => of === 'a red square')!.score, 6);
      expect(text).toBeUndefined();
    }
  });

  test.each(['llava', 'flamingo'])(
    'of labels by %s are log-likelihoods, with a question or as captions',
    async (name) => {
      const asked = await ask(name, { kind: 'classify', image: 0, labels, question: 'What is it?' });
      const plain = await ask(name, { kind: 'classify', image: 0, labels });
      for (const outputs of [asked, plain]) {
        const { measure, ranking } = rankingIn(outputs);
        expect(measure).toBe('log-likelihood');
        expect(ranking.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
        for (const { score, tokens } of ranking) {
          expect(score).toBeLessThan(0);
          expect(tokens).toBeGreaterThan(0);
        }
        const [first, second] = ranking as [(typeof ranking)[0], (typeof ranking)[0]];
        expect(first.probability / second.probability).toBeCloseTo(Math.exp(first.score - second.score), 6);
      }
      expect(rankingIn(asked).ranking).not.toEqual(rankingIn(plain).ranking);
    },
  );

  test('more candidates than are computed at once: each as if it were alone with one other', async () => {
    const captions = Array.from({ length: 40 }, (_, i) => `${i} squares`);
    const { ranking } = rankingIn(await ask('flamingo', { kind: 'match-captions', image: 0, captions }));
    expect(ranking.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([...captions.keys()]);
    const pair = [captions[3]!, captions[37]!];
    const alone = rankingIn(await ask('flamingo', { kind: 'match-captions', image: 0, captions: pair }));
    // Other shapes of the same products.
    for (const { text, score } of alone.ranking)
      expect(score).toBeCloseTo(ranking.find((one) => one.text === text)!.score, 3);
  });
});

describe('texts', () => {
  const limits = { maxNewTokens: 6 };
  const written: Record<string, PredictionTask[]> = {
    llava: [
      { kind: 'caption', image: 0, limits },
      { kind: 'answer', images: [0, 1], question: 'Which is red?', limits },
      {
        kind: 'chat',
        messages: [
          { role: 'system', text: 'Be short.' },
          { role: 'user', text: 'What is this?', images: [0] },
          { role: 'assistant', text: 'a red square' },
          { role: 'user', text: 'And <image>?', images: [1] },
        ],
        limits,
      },
    ],
    flamingo: [
      { kind: 'caption', image: 1, shots: [{ image: 0, caption: 'a red square' }], limits },
      {
        ...{ kind: 'answer', images: [1], question: 'What colour?', limits },
        shots: [{ images: [0], question: 'What colour?', answer: 'red' }],
      },
    ],
  };

  test.each(Object.entries(written).flatMap(([name, tasks]) => tasks.map((task) => ({ name, task }))))(
    '$name, $task.kind: pieces that make the whole, the same each time; beams give one piece',
    async ({ name, task }) => {
      const outputs = await ask(name, task);
      expect(await ask(name, task)).toEqual(outputs);
      const pieces = outputs.flatMap((one) => (one.kind === 'text' ? [one.text] : []));
      expect(outputs.at(-1)).toEqual({
        kind: 'result',
        result: { kind: task.kind, text: pieces.join('').trim() },
      });
      const beams = { ...task, limits: { ...limits, beams: 2 } } as PredictionTask;
      expect((await ask(name, beams)).map(({ kind }) => kind)).toEqual(['text', 'result']);
    },
  );

  test('without a limit a text fits into the context of a small model; with one that does not fit, it says so', async () => {
    const messages = [{ role: 'user' as const, text: 'Hi' }];
    expect((await ask('llava', { kind: 'chat', messages }, [])).at(-1)).toMatchObject({ kind: 'result' });
    const tooLong = ask('llava', { kind: 'chat', messages, limits: { maxNewTokens: 256 } }, []);
    await expect(tooLong).rejects.toMatchObject({
      ...{ code: 'INVALID_INPUT', message: expect.stringContaining('context of 256') },
    });
  });

  test('which picture is shown, is seen', async () => {
    const likelihood = async (task: PredictionTask) =>
      rankingIn(await ask('flamingo', task)).ranking[0]!.score;
    expect(await likelihood({ kind: 'classify', image: 0, labels })).not.toBe(
      await likelihood({ kind: 'classify', image: 1, labels }),
    );
  });

  test('the end of the signal ends it between two tokens, and nothing stays in memory', async () => {
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const reason = new TriptychError('CANCELLED', 'enough');
    const outputs: PredictionOutput[] = [];
    const asking = async () => {
      const task = { kind: 'caption', image: 0, limits: { maxNewTokens: 60 } } as const;
      for await (const output of predict(opened.get('llava')!, {
        task,
        pictures: [red],
        signal: controller.signal,
      })) {
        outputs.push(output);
        controller.abort(reason);
      }
    };
    await expect(asking()).rejects.toBe(reason);
    expect(outputs).toHaveLength(1);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('refusals', () => {
  test('every file that is no picture is named', async () => {
    const text = { path: '/images/0', content: new TextEncoder().encode('<html>') };
    const cut = { path: '/images/1', content: red.content.slice(0, 60) };
    const task: PredictionTask = { kind: 'match-images', text: 'x', images: [0, 1] };
    const error = await ask('clip', task, [text, cut]).catch((caught: unknown) => caught as TriptychError);
    expect(error).toMatchObject({
      code: 'INVALID_INPUT',
      violations: [
        { path: '/images/0', actual: expect.stringContaining('HTML') },
        { path: '/images/1', actual: expect.stringContaining('truncated') },
      ],
    });
  });

  test.each([
    [
      'clip',
      { kind: 'chat', messages: [{ role: 'user', text: 'Hi' }] },
      'classify, match-captions, match-images',
    ],
    ['flamingo', { kind: 'chat', messages: [{ role: 'user', text: 'Hi' }] }, 'caption, answer'],
    ['llava', { kind: 'match-images', text: 'x', images: [0, 1] }, 'caption, answer, chat'],
  ] as const)('%s says what it can do instead', async (name, task, possible) => {
    await expect(ask(name, structuredClone<unknown>(task) as PredictionTask)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      violations: [{ path: '/kind', expected: expect.stringContaining(possible) }],
    });
  });
});

test('opening leaves no tensor behind, and nothing of it is trained', async () => {
  const before = tf.memory().numTensors;
  const spec = tinySpec({ model: 'clip-tiny' });
  const { model } = opened.get('clip')!;
  expect(model.trainable.flat).toHaveLength(0);
  const artifact = createHash('sha256').update('missing').digest('hex');
  await expect(OpenedModel.open({ store, artifact, inputs: spec.inputs })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
  expect(defaultsOf(architectureNamed('clip').inputs)).toEqual(spec.inputs);
  expect(tf.memory().numTensors).toBe(before);
});

async function transformedBy(name: string, files: readonly Uint8Array[]) {
  const { decodeImage, resizeAndCrop } = await import('@triptych/datasets');
  const { transform } = opened.get(name)!.model.processor;
  return Promise.all(files.map(async (file) => resizeAndCrop(await decodeImage(file), transform)));
}
