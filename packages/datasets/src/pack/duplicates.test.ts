import type { Split } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { withoutDuplicates } from './duplicates.ts';
import { withHeldOut } from './held-out.ts';
import { ProblemLog } from './problems.ts';
import type { UsableSample } from './survey.ts';

const sample = (id: string, images: string, text = id, split: Split = 'train'): UsableSample => ({
  id,
  split,
  images: [...images].map((sha256) => ({ path: sha256, sha256 })),
  content: { kind: 'question', question: text, answers: ['yes'] },
});

const kept = (samples: UsableSample[]) => {
  const problems = new ProblemLog();
  const ids = withoutDuplicates(samples, problems).map(({ id }) => id);
  return { ids, problems: Object.fromEntries(problems.list().map(({ kind, count }) => [kind, count])) };
};

test('many questions on one image are no duplicates; the same question on it is one', () => {
  expect(kept([sample('1', 'a'), sample('2', 'a'), sample('3', 'a', '1')])).toEqual({
    ids: ['1', '2'],
    problems: { 'duplicate-sample': 1 },
  });
});

test('training loses every sample that shows an image of a later split, or whose text alone is in one', () => {
  const { ids, problems } = kept([
    sample('1', 'a'),
    sample('2', 'ab'),
    sample('3', 'b'),
    sample('4', '', 'text'),
    sample('v', 'b', 'v', 'validation'),
    sample('t', 'a', 't', 'test'),
    sample('u', '', 'text', 'test'),
  ]);
  expect(ids).toEqual(['v', 't', 'u']);
  expect(problems).toEqual({ leakage: 4 });
});

test('what is held out shares no image with what is trained on, through however many samples', () => {
  const letters = [...'abcdefghijklmnopqrstuvwxyz'];
  const chains = letters.flatMap((letter) => [
    sample(`${letter}1`, letter),
    sample(`${letter}2`, letter + letter.toUpperCase()),
    sample(`${letter}3`, letter.toUpperCase()),
  ]);
  const split = withHeldOut(chains, new ProblemLog());
  const imagesIn = (name: Split) =>
    new Set(
      split.filter((one) => one.split === name).flatMap(({ images }) => images.map(({ sha256 }) => sha256)),
    );
  expect([...imagesIn('validation')].filter((image) => imagesIn('train').has(image))).toEqual([]);
  // A tenth of 26 groups.
  expect(split.filter((one) => one.split === 'validation')).toHaveLength(3 * 3);
});

test('a logo in every sample links all: then samples are held out, and that is said', () => {
  const problems = new ProblemLog();
  const all = Array.from({ length: 20 }, (_, n) => sample(String(n), `L${String.fromCharCode(97 + n)}`));
  const split = withHeldOut(all, problems);
  expect(split.filter((one) => one.split === 'validation')).toHaveLength(2);
  expect(problems.list().map(({ kind }) => kind)).toEqual(['held-out-shares-images', 'no-held-out-split']);
});
