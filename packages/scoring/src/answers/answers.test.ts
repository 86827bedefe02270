import { describe, expect, test } from 'vitest';
import { clustersOf, eachAlone } from '../score.ts';
import { exactMatches } from './exact-match.ts';
import { chosenIndex } from './multiple-choice.ts';
import { saysYes, yesNoStatistics } from './yes-no.ts';

// What LLaVA's eval_pope.py makes of them.
test.each([
  ['Yes, there is.', true],
  ['No, there is not.', false],
  ['It is not.', false],
  ['No', false],
  ['I see.no', true],
  ['Nope', true],
  ['NO', true],
  ['No,thing', true],
  ['', true],
  ['Yes. No', true],
])('POPE reads %j', (answer, yes) => {
  expect(saysYes(answer)).toBe(yes);
});

describe('yes and no', () => {
  const of = (predicted: readonly boolean[], truth: readonly boolean[], among?: readonly number[]) =>
    Object.fromEntries(
      yesNoStatistics({
        ids: predicted.map((_, i) => `${i}`),
        ...{ predicted, truth, clusters: eachAlone(predicted.length) },
        ...(among && { among }),
      }).map((one) => [one.metric, one.value]),
    );

  test('2 true and 1 false yes, 1 false and 3 true no', () => {
    const predicted = [true, true, true, false, false, false, false];
    const truth = [true, true, false, true, false, false, false];
    const found = of(predicted, truth);
    expect(found).toMatchObject({ accuracy: 5 / 7, precision: 2 / 3, recall: 2 / 3, yes_ratio: 3 / 7 });
    expect(found['f1']).toBeCloseTo(2 / 3, 14);
    expect(of(predicted, truth, [0, 3])).toMatchObject({ accuracy: 1 / 2, precision: 1, recall: 1 / 2 });
  });

  test('without a yes there is no precision, and it counts as 0', () => {
    expect(of([false, false], [true, false])).toMatchObject({
      precision: 0,
      recall: 0,
      f1: 0,
      accuracy: 1 / 2,
    });
  });

  test('an image that is drawn twice counts twice', () => {
    const [accuracy, precision] = yesNoStatistics({
      ids: ['a', 'b', 'c'],
      predicted: [true, true, true],
      truth: [true, false, true],
      clusters: clustersOf(['x', 'x', 'y']),
    });
    expect(accuracy!.of([2, 1])).toBe(3 / 5);
    expect(precision!.of([0, 3])).toBe(1);
  });
});

// What LLaVA's eval_science_qa.py makes of them, with three choices.
test.each([
  ['B', 1],
  ['B. because', 1],
  ['B.', undefined],
  ['The answer is C.', 2],
  ['So the thing. The answer is A!', 0],
  ['The answer is A. The answer is A.', undefined],
  ['The answer is A', undefined],
  ['The answer is A\n', undefined],
  ['D', undefined],
  ['(B)', undefined],
  ['', undefined],
])('ScienceQA reads %j', (answer, index) => {
  expect(chosenIndex(answer, 3)).toBe(index);
});

test('an answer matches any right one, once both are normalised', () => {
  const answers = ['two dogs', 'Dogs'];
  expect([
    ...exactMatches([
      { prediction: 'The dogs.', answers },
      { prediction: '2 dogs', answers },
    ]),
  ]).toEqual([1, 1]);
  expect([...exactMatches([{ prediction: 'The dogs.', answers }], (text) => text)]).toEqual([0]);
});
