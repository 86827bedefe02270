import { expect, test } from 'vitest';
import { codeOf, type Failure, FailureBudget } from './failure-verdict.ts';

const failure = (step: number, code: Failure['code'] = 'WORKER_LOST'): Failure => ({
  code,
  step,
  message: 'it broke',
});

test('the first attempt follows at once, later ones after 1, 2, 4 seconds, then it is enough', () => {
  const budget = new FailureBudget({ limit: 5, firstDelayMs: 1000 });
  const verdicts = [0, 0, 0, 0, 0].map((step) => budget.judge(failure(step)));
  expect(verdicts.slice(0, 4)).toEqual([0, 1000, 2000, 4000].map((delayMs) => ({ kind: 'retry', delayMs })));
  expect(verdicts[4]).toMatchObject({ kind: 'fail', reason: 'FAILURES_EXHAUSTED' });
});

test('a step further than ever before renews the budget, the same step again does not', () => {
  const budget = new FailureBudget({ limit: 2 });
  const kinds = [5, 6, 7, 7].map((step) => budget.judge(failure(step)).kind);
  expect(kinds).toEqual(['retry', 'retry', 'retry', 'fail']);
});

test('delays are bounded', () => {
  const budget = new FailureBudget({ limit: 100, firstDelayMs: 1000, longestDelayMs: 5000 });
  const last = Array.from({ length: 50 }, () => budget.judge(failure(0))).at(-1);
  expect(last).toEqual({ kind: 'retry', delayMs: 5000 });
});

test('what cannot get better ends at once, with the cause and the remedy', () => {
  const verdict = new FailureBudget().judge(failure(3, 'OUT_OF_MEMORY'));
  expect(verdict).toMatchObject({
    kind: 'fail',
    reason: 'OUT_OF_MEMORY',
    message: expect.stringMatching(/^it broke; raise/),
  });
});

test('a backend that is missing on one worker may be there on another; where it is nowhere, that is the reason', () => {
  const budget = new FailureBudget({ limit: 2 });
  expect(budget.judge(failure(0, 'BACKEND_UNAVAILABLE'))).toEqual({ kind: 'retry', delayMs: 0 });
  expect(budget.judge(failure(0, 'BACKEND_UNAVAILABLE'))).toMatchObject({
    ...{ kind: 'fail', reason: 'BACKEND_UNAVAILABLE' },
    message: expect.stringMatching(/it broke; restart the workers/),
  });
});

test('a worker that is shut down is no failure', () => {
  const budget = new FailureBudget({ limit: 2 });
  for (let i = 0; i < 10; i++)
    expect(budget.judge(failure(0, 'WORKER_DRAINED'))).toEqual({ kind: 'retry', delayMs: 0 });
  expect(budget.judge(failure(0))).toMatchObject({ kind: 'retry' });
});

test('an unknown code is a failure inside', () => {
  expect([codeOf('WORKER_LOST'), codeOf('SOMETHING_NEW')]).toEqual(['WORKER_LOST', 'INTERNAL']);
});
