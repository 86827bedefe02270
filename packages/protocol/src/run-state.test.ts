import { expect, test } from 'vitest';
import { isTerminal, type RunEventKind, type RunStatus, runStatuses, transition } from './run-state.ts';

const events: RunEventKind[] = [
  'schedule',
  'wait',
  'place',
  'start',
  'evaluate',
  'finalize',
  'succeed',
  'lose',
  'backOff',
  'requeue',
  'cancel',
  'cancelled',
  'fail',
];

test('the undisturbed journey goes from QUEUED to SUCCEEDED', () => {
  const journey: RunEventKind[] = ['schedule', 'place', 'start', 'evaluate', 'finalize', 'succeed'];
  const end = journey.reduce<RunStatus | undefined>(
    (state, event) => state && transition(state, event),
    'QUEUED',
  );
  expect(end).toBe('SUCCEEDED');
});

test('every live state can be cancelled, and all but CANCELLING can fail', () => {
  for (const state of runStatuses.filter(
    (candidate) => !isTerminal(candidate) && candidate !== 'CANCELLING',
  )) {
    expect([state, transition(state, 'cancel')]).toEqual([state, 'CANCELLING']);
    expect([state, transition(state, 'fail')]).toEqual([state, 'FAILED']);
  }
  expect(transition('CANCELLING', 'cancelled')).toBe('CANCELLED');
});

test('nothing leaves a terminal state, and there are exactly three of them', () => {
  const terminal = runStatuses.filter(isTerminal);
  expect(terminal).toEqual(['SUCCEEDED', 'FAILED', 'CANCELLED']);
  for (const state of terminal) for (const event of events) expect(transition(state, event)).toBeUndefined();
});

test('a terminal state can be reached from every state', () => {
  for (const start of runStatuses) {
    const reached = new Set<RunStatus>([start]);
    for (const state of reached)
      for (const event of events) {
        const next = transition(state, event);
        if (next) reached.add(next);
      }
    expect([...reached].some(isTerminal)).toBe(true);
  }
});
