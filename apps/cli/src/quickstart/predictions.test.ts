import type { TriptychClient } from '@triptych/client';
import { expect, test } from 'vitest';
import { predictionLines, shownPredictions } from './predictions.ts';

const predictions = Array.from({ length: 40 }, (_, i) => ({
  id: `test/${i}`,
  prompt: `What is it?\nAnswer ${i}.`,
  prediction: 'star',
  truth: ['ring', 'star', 'star', 'moon'],
}));
const report = { split: 'test', step: 3, count: 40, predictions } as const;

const clientOf = (items: unknown[]) =>
  ({ runs: { predictions: async () => items } }) as unknown as TriptychClient;
const shown = (items: unknown[]) =>
  shownPredictions({ client: clientOf(items), runId: 'run', signal: new AbortController().signal });

test('five of the trained model, from all over the split, with the answer that most people gave', async () => {
  const final = { ...report, task: 'vqa', stage: 'final' };
  const five = await shown([{ ...final, stage: 'baseline' }, final]);
  // Eight apart, and one further each time.
  expect(five.map(({ id }) => id)).toEqual(['test/0', 'test/9', 'test/18', 'test/27', 'test/36']);
  expect(five[1]).toEqual({
    task: 'vqa',
    id: 'test/9',
    question: 'What is it?\nAnswer 9.',
    answer: 'star',
    truth: 'star',
  });
  expect(predictionLines(five.slice(0, 1))).toBe(
    'image     test/0\n  asked   What is it? Answer 0.\n  answer  star\n  truth   star\n',
  );
});

test('as many as there are, and nothing of a run without predictions', async () => {
  const few = { ...report, task: 'vqa', stage: 'final', predictions: predictions.slice(0, 3) };
  expect((await shown([few])).map(({ id }) => id)).toEqual(['test/0', 'test/1', 'test/2']);
  expect(await shown([])).toEqual([]);
  expect(predictionLines([])).toBe('');
});
