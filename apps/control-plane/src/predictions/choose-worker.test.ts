import { expect, test } from 'vitest';
import type { FleetWorker } from '../scheduler/place.ts';
import { anyNumerics } from '../testing/numerics.ts';
import { chooseWorker, type WorkerSearch } from './choose-worker.ts';

const worker = (id: string, fields: Partial<FleetWorker> = {}): FleetWorker => ({
  ...{ id, address: `${id}:1`, pool: 'default', backend: 'wasm', state: 'idle', leaseExpiresAt: 100 },
  numerics: anyNumerics(),
  ...fields,
});

const choose = (fleet: readonly FleetWorker[], fields: Partial<WorkerSearch> = {}) =>
  chooseWorker({
    ...{ now: 0, fleet, artifact: 'm', opened: new Map(), without: new Set(), lent: new Set() },
    ...fields,
  });
const chosen = (...of: Parameters<typeof choose>) => {
  const choice = choose(...of);
  return 'worker' in choice ? choice.worker.id : choice;
};

test('one that has the model open, then one with none, then the fastest, then the first', () => {
  const fleet = [worker('c'), worker('b', { backend: 'tensorflow' }), worker('a'), worker('d')];
  expect(chosen(fleet)).toBe('b');
  expect(chosen(fleet, { opened: new Map([['b', 'other']]) })).toBe('a');
  const opened = new Map([
    ['d', 'm'],
    ['b', 'other'],
  ]);
  expect(chosen(fleet, { opened })).toBe('d');
  expect(chosen(fleet, { opened, without: new Set(['d']) })).toBe('a');
  const cooling = [worker('d', { isCooling: true }), worker('e')];
  expect(chosen(cooling, { opened })).toBe('e');
  expect(chosen(cooling, { opened, without: new Set(['e']) })).toBe('d');
});

test('who is busy, draining or lost is not chosen; the reason says whether waiting is short', () => {
  const fleet = [worker('a', { state: 'busy' }), worker('b', { state: 'draining' })];
  expect(chosen(fleet)).toMatchObject({ isShort: false, reason: expect.stringContaining('All 2 workers') });
  expect(chosen(fleet, { lent: new Set(['a']) })).toMatchObject({ isShort: true });
  expect(chosen([worker('a', { leaseExpiresAt: 0 })])).toMatchObject({
    isShort: false,
    reason: expect.stringContaining('No worker has registered'),
  });
});
