import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ManifestSample } from '../pack/manifest.ts';
import { packDataset } from '../pack/pack-dataset.ts';
import { folderWith, temporaryFolder } from '../testing/folders.ts';
import { memoryStore } from '../testing/memory-store.ts';
import { shapes } from './vocabulary.ts';
import { writeScenes } from './write-scenes.ts';

const hashes = async (root: string): Promise<Record<string, string>> => {
  const files = await readdir(root, { recursive: true, withFileTypes: true });
  const entries = files
    .filter((file) => file.isFile())
    .map(async (file) => {
      const path = join(file.parentPath, file.name);
      return [
        path.slice(root.length),
        createHash('sha256')
          .update(await readFile(path))
          .digest('hex'),
      ] as const;
    });
  return Object.fromEntries((await Promise.all(entries)).sort());
};

const captionsOf = ({ content }: ManifestSample) => (content.kind === 'captions' ? content.texts : []);

const captionsOnly = (images: number) => ({
  samples: images,
  images,
  contents: { captions: images, interleaved: 0, question: 0, conversation: 0 },
});

test('the same seed writes the same bytes, another seed other ones; twice is once', async () => {
  const root = await temporaryFolder();
  const write = (name: string, seed: number) => writeScenes({ path: join(root, name), images: 30, seed });
  expect(await write('a', 1)).toMatchObject({
    images: 30,
    splits: { train: 24, validation: 3, test: 3 },
    written: true,
  });
  await write('b', 1);
  await write('c', 2);
  const a = await hashes(join(root, 'a'));
  expect(await hashes(join(root, 'b'))).toEqual(a);
  expect(await hashes(join(root, 'c'))).not.toEqual(a);
  expect((await write('a', 1)).written).toBe(false);
  expect((await write('a', 2)).written).toBe(true);
  expect(await hashes(join(root, 'a'))).toEqual(await hashes(join(root, 'c')));
});

test('a folder that is something else is left alone; numbers out of range are refused', async () => {
  const path = await folderWith({ 'thesis.tex': 'precious' });
  await expect(writeScenes({ path })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  expect(await readdir(path)).toEqual(['thesis.tex']);
  await expect(writeScenes({ path: join(path, 'new'), images: 3 })).rejects.toThrow('from 20 to 100000');
});

describe('300 scenes', () => {
  let packed: Awaited<ReturnType<typeof packDataset>>;
  let root: string;
  const json = async (path: string) => JSON.parse(await readFile(join(root, path), 'utf8'));

  beforeAll(async () => {
    root = join(await mkdtemp(join(tmpdir(), 'triptych-scenes-')), 'scenes');
    await writeScenes({ path: root, images: 300, seed: 5 });
    packed = await packDataset({ path: root, format: 'auto', store: memoryStore() });
    return () => rm(join(root, '..'), { recursive: true, force: true });
  });

  test('pack without a single problem: no leakage, all decodable, every class in every split', () => {
    expect(packed.problems).toEqual([]);
    expect(packed.manifest.format).toBe('scenes');
    expect(packed.manifest.classNames).toEqual([...shapes]);
    expect(packed.splits).toEqual([
      { split: 'train', ...captionsOnly(240), captions: 1200, classes: 9 },
      { split: 'validation', ...captionsOnly(30), captions: 150, classes: 9 },
      { split: 'test', ...captionsOnly(30), captions: 150, classes: 9 },
    ]);
  });

  test('every caption names the class first, before any other shape', () => {
    for (const sample of packed.manifest.samples)
      for (const caption of captionsOf(sample)) {
        const named = shapes
          .map((shape) => ({ shape, at: caption.search(new RegExp(`\\b${shape}\\b`)) }))
          .filter(({ at }) => at >= 0)
          .sort((a, b) => a.at - b.at);
        expect(named[0]?.shape).toBe(packed.manifest.classNames[sample.classIndex!]);
      }
  });

  test('no two pictures have the same descriptions', () => {
    const whole = packed.manifest.samples.map((one) => captionsOf(one).slice(2).join(' '));
    expect(new Set(whole).size).toBeGreaterThan(290);
  });

  test('both encodings and several sizes occur', async () => {
    const { images } = await json('annotations/captions_train.json');
    const extensions = new Set(images.map(({ file_name }: { file_name: string }) => file_name.slice(-3)));
    expect([...extensions].sort()).toEqual(['jpg', 'png']);
    expect(
      new Set(images.map(({ width, height }: { width: number; height: number }) => `${width}x${height}`))
        .size,
    ).toBeGreaterThan(8);
  });

  test('VQAv2: ten answers, the majority is the answer, and the answers are true', async () => {
    const { questions } = await json('vqa/questions_test.json');
    const { annotations } = await json('vqa/annotations_test.json');
    const { images } = await json('annotations/captions_test.json');
    expect(questions).toHaveLength(120);
    for (const [n, { question, question_id, image_id }] of questions.entries()) {
      const annotation = annotations[n];
      expect([annotation.question_id, annotation.image_id]).toEqual([question_id, image_id]);
      const agreeing = annotation.answers.filter(
        ({ answer }: { answer: string }) => answer === annotation.multiple_choice_answer,
      );
      expect(annotation.answers).toHaveLength(10);
      expect(agreeing.length).toBeGreaterThanOrEqual(8);
      if (question === 'What shape is the largest object?') {
        const { file_name } = images.find(({ id }: { id: number }) => id === image_id);
        expect(file_name.split('/')[1]).toBe(annotation.multiple_choice_answer);
      }
    }
    const types = new Set(annotations.map(({ answer_type }: { answer_type: string }) => answer_type));
    expect(types).toEqual(new Set(['other', 'number', 'yes/no']));
  });

  test('LLaVA: three conversations a picture, in which turns alternate from the human, the image tag is in the first', async () => {
    const conversations = await json('llava/conversations_train.json');
    expect(conversations).toHaveLength(720);
    for (const { conversations: turns } of conversations) {
      expect(turns[0].value.startsWith('<image>\n')).toBe(true);
      turns.forEach(({ from }: { from: string }, n: number) => {
        expect(from).toBe(n % 2 === 0 ? 'human' : 'gpt');
      });
    }
  });

  test.each([
    ['scenes-questions', 'question', 4],
    ['scenes-conversations', 'conversation', 3],
  ] as const)('as %s: every %s, %i on an image', async (format, kind, each) => {
    const other = await packDataset({ path: root, format, store: memoryStore() });
    expect(other.problems).toEqual([]);
    expect(
      other.splits.map(({ split, samples, images, contents }) => [split, samples, images, contents[kind]]),
    ).toEqual([
      ['train', 240 * each, 240, 240 * each],
      ['validation', 30 * each, 30, 30 * each],
      ['test', 30 * each, 30, 30 * each],
    ]);
    // The pictures of the other reading, in another order where the samples are.
    const hashes = ({ manifest }: typeof other) => manifest.images.map(({ sha256 }) => sha256).sort();
    expect(hashes(other)).toEqual(hashes(packed));
  });
});
