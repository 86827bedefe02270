import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { contractions } from './contractions.ts';
import { normaliseAnswer, normaliseWords, stripPunctuation } from './normalise-answer.ts';
import { roundedPercent, vqaAccuracy } from './vqa-accuracy.ts';

const fixture = (name: string) =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url)).toString());

test('400 answers are normalised as by vqaEval.py', () => {
  const cases: { answer: string; afterPunctuation: string; normalised: string }[] = fixture('normalise');
  expect(cases.map(({ answer }) => stripPunctuation(answer))).toEqual(
    cases.map((entry) => entry.afterPunctuation),
  );
  expect(cases.map(({ afterPunctuation }) => normaliseWords(afterPunctuation))).toEqual(
    cases.map((entry) => entry.normalised),
  );
});

test('the accuracies of 60 questions equal those of vqaEval.py, rounded and unrounded', () => {
  const questions: {
    question_id: number;
    question_type: string;
    answer_type: string;
    answers: { answer: string; answer_id: number }[];
    prediction: string;
  }[] = fixture('questions');
  const { official, precise } = fixture('expected');
  const accuracy = vqaAccuracy(
    questions.map(({ prediction, answers, question_type, answer_type }) => {
      return { prediction, answers, questionType: question_type, answerType: answer_type };
    }),
  );
  for (const [wanted, places] of [
    [official, 2],
    [precise, 10],
  ]) {
    const rounded = (values: Iterable<readonly [unknown, number]>) =>
      Object.fromEntries([...values].map(([key, value]) => [key, roundedPercent(value, places)]));
    expect(roundedPercent(accuracy.overall, places)).toBe(wanted.overall);
    expect(rounded(accuracy.perAnswerType)).toEqual(wanted.perAnswerType);
    expect(rounded(accuracy.perQuestionType)).toEqual(wanted.perQuestionType);
    const perQuestion = accuracy.perQuestion.map((value, i) => [questions[i]!.question_id, value] as const);
    expect(rounded(perQuestion)).toEqual(wanted.perQuestion);
  }
});

describe('accuracy', () => {
  const people = (...answers: string[]) => answers.map((answer, id) => ({ answer, answer_id: id + 1 }));
  const score = (prediction: string, answers: { answer: string }[]) =>
    vqaAccuracy([{ prediction, answers }]).overall;

  test('0, 1, 2, 3 and 4 people of ten who agree give 0, 30, 60, 90 and 100 %', () => {
    for (const [agreeing, percent] of [0, 30, 60, 90, 100].entries()) {
      const answers = people(...Array.from({ length: 10 }, (_, i) => (i < agreeing ? 'red' : `blue${i}`)));
      expect(score('Red.', answers)).toBeCloseTo(percent, 10);
    }
  });

  test('ten people who all agree are compared as they are', () => {
    const all = people(...Array<string>(10).fill('yes'));
    expect(score('Yes', all)).toBe(0);
    expect(score(' yes\n', all)).toBe(100);
  });

  test('answers without ids are one person', () => {
    expect(score('a', [{ answer: 'a' }, { answer: 'a' }, { answer: 'b' }])).toBeCloseTo(
      100 * ((2 / 3) * (1 / 3)),
      10,
    );
  });

  test('a question without a type counts overall alone', () => {
    const { overall, perAnswerType } = vqaAccuracy([
      { prediction: 'a', answers: people('a', 'a', 'a', 'a'), answerType: 'other' },
      { prediction: 'b', answers: people('a', 'a', 'a', 'a') },
    ]);
    expect(overall).toBe(50);
    expect([...perAnswerType]).toEqual([['other', 100]]);
  });
});

test('the table of contractions has the 114 official entries that change a word in lower case, of 120', () => {
  // Of the official table, let's and she's map to themselves, and Im, Ive, Id've and I'dve have a capital.
  expect(normaliseAnswer('dont')).toBe("don't");
  expect(contractions.get("'ow'sat")).toBe("'ow's'at");
  expect(contractions.size).toBe(114);
});

test('rounding is exact, and ties go to the even digit', () => {
  // 0.125 and 0.375 are ties in binary; 2.675 lies below 2.675.
  expect([0.125, 0.375, 2.675, 91.125, 100].map((value) => roundedPercent(value))).toEqual([
    0.12, 0.38, 2.67, 91.12, 100,
  ]);
  expect([0.5, 1.5, 2.5].map((value) => roundedPercent(value, 0))).toEqual([0, 2, 2]);
});
