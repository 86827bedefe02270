import { clipTransform, type DatasetManifest, openDataset, randomStream } from '@triptych/datasets';
import { memoryStore } from '@triptych/storage';
import { expect, test } from 'vitest';
import { Examples } from './examples.ts';

const about = (images: number[], question: string, split: 'train' | 'test' = 'train') => ({
  ...{ id: `${split}/${question}`, split, images },
  content: { kind: 'question' as const, question, answers: [`${question}!`, `${question}?`] },
});

async function examples() {
  const store = memoryStore();
  const manifest: DatasetManifest = {
    ...{ version: 2, format: 'vqa', classNames: [], packs: [await store.put(new Uint8Array(2))] },
    images: [0, 1].map((offset) => ({ pack: 0, offset, length: 1 })),
    samples: [
      ...[about([0], 'a'), about([1], 'b'), about([0], 'c'), about([0], 'd'), about([0, 1], 'e')],
      ...[about([], 'f'), about([], 'g'), about([0], 'h', 'test')],
    ],
  };
  const { sha256 } = await store.put(new TextEncoder().encode(JSON.stringify(manifest)));
  return new Examples(await openDataset(store, sha256), {
    ...{ transform: clipTransform(8), position: 0, of: 1 },
  });
}

test('companions are the other questions of the train split about the very same pictures, drawn anew in each step', async () => {
  const all = await examples();
  const drawn = (index: number, count: number, step = 0) =>
    all.at(index, { choose: () => 0, stream: (...purpose) => randomStream(1, step, ...purpose) }).companions!(
      count,
    );
  const questions = (...at: Parameters<typeof drawn>) => drawn(...at).map(({ question }) => question);
  expect(questions(0, 9).toSorted()).toEqual(['c', 'd']);
  expect(drawn(0, 9)).toEqual(drawn(0, 9));
  const steps = Array.from({ length: 20 }, (_, step) => drawn(0, 1, step)[0]!);
  expect(new Set(steps.map(({ question }) => question))).toEqual(new Set(['c', 'd']));
  // Each answer is one of the question's own.
  expect(new Set(steps.map(({ answer }) => answer))).toEqual(new Set(['c!', 'c?', 'd!', 'd?']));
  expect([1, 4, 5].map((index) => questions(index, 9))).toEqual([[], [], []]);
});

test('demonstrations are other samples of the train split of the same kind, with as many and other pictures', async () => {
  const all = await examples();
  const drawn = (index: number, count: number, step = 0) =>
    all.at(index, { choose: () => 0, stream: (...purpose) => randomStream(1, step, ...purpose) })
      .demonstrations!(count);
  const ids = (...at: Parameters<typeof drawn>) => drawn(...at).map(({ id }) => id);
  // All but "b" are about the picture that is asked about, have two pictures or none, or are held out.
  expect(ids(0, 9)).toEqual(['train/b']);
  expect(ids(4, 9)).toEqual([]);
  expect(ids(5, 9)).toEqual([]);
  const firsts = Array.from({ length: 40 }, (_, step) => ids(1, 9, step));
  // One for each picture: the same one is not shown twice.
  expect(firsts.every(({ length }) => length === 1)).toBe(true);
  expect(new Set(firsts.flat())).toEqual(new Set(['train/a', 'train/c', 'train/d']));
  expect(ids(1, 9, 3)).toEqual(ids(1, 9, 3));
  const choices = Array.from({ length: 40 }, (_, step) => drawn(0, 1, step)[0]!.choose(2));
  expect(new Set(choices)).toEqual(new Set([0, 1]));
});
