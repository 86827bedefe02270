import { expect, test } from 'vitest';
import { randomStream } from '../random-stream.ts';
import { conversationsOf } from './conversations.ts';
import { type Question, questionsOf } from './questions.ts';
import { drawScene } from './scene.ts';
import { shapes } from './vocabulary.ts';

const stream = randomStream(11, 'test');
const asked = Array.from({ length: 6000 }, (_, n) => {
  const scene = drawScene(stream, shapes[n % shapes.length]!);
  return { scene, questions: questionsOf(scene, stream) };
});

/** Part of the second half that the commonest answer to the same words in the first half gets right. */
function guessed(kind: (question: Question) => boolean): number {
  const counts = new Map<string, Map<string, number>>();
  const half = asked.length / 2;
  const part = (start: number) =>
    asked.slice(start, start + half).flatMap(({ questions }) => questions.filter(kind));
  for (const { question, answer } of part(0)) {
    const answers = counts.get(question) ?? new Map<string, number>();
    counts.set(question, answers.set(answer, (answers.get(answer) ?? 0) + 1));
  }
  const commonest = (question: string) =>
    [...(counts.get(question) ?? [])].sort((a, b) => b[1] - a[1])[0]?.[0];
  const rest = part(half);
  return rest.filter(({ question, answer }) => commonest(question) === answer).length / rest.length;
}

// By design: 9 shapes, 8 colours, 3 patterns, 8 other shapes; 1, 2, 2 or 3 objects; yes as often as no. The sampling error of a type
// with 750 questions at least is below 2 %, and picking the commonest of few answers to the same words gains a little more.
test.each([
  ['what shape is', 1 / 9],
  ['what color is', 1 / 8],
  ['what pattern does', 1 / 3],
  ['what is', 1 / 8],
  ['how many', 1 / 2],
  ['is there', 1 / 2],
])('"%s": the text alone gets no more than chance', (type, chance) => {
  const score = guessed(({ questionType }) => questionType === type);
  expect(score).toBeGreaterThan(chance - 0.06);
  expect(score).toBeLessThan(chance + 0.06);
});

test('over all questions the best guess from text is 33 %', () => {
  expect(guessed(() => true)).toBeCloseTo(0.33, 1);
});

test('answers are short: a word, yes or no, a number', () => {
  for (const { questions } of asked)
    for (const { answer } of questions) expect(answer).toMatch(/^([a-z]+|\d)$/);
});

test('no turn of the short answers can be answered from the turns before it', () => {
  for (const { scene, questions } of asked.slice(0, 500)) {
    const { answers, counting } = conversationsOf(scene, { questions, stream });
    expect(new Set(answers.map(({ ask }) => ask)).size).toBe(4);
    expect(answers.some(({ answer }) => answer === 'yes' || answer === 'no')).toBe(false);
    expect(counting[1]!.answer.split(/, | and /)).toHaveLength(1 + scene.others.length);
  }
});
