/** One run's life, cut at each of its writes to the record in turn. Oracle: the record of a run that nothing happened to. */
import { afterEach, expect, test } from 'vitest';
import type { RunStore } from '../store/run-store.ts';
import { allSteps, nobodyIsHeld, useSupervision } from './testing/supervisions.ts';

const supervisions = useSupervision();
const release: (() => void)[] = [];
afterEach(() => {
  for (const end of release.splice(0)) end();
});

type Cut = 'answer lost' | 'refused connection' | 'killed before' | 'killed after';

const writes: ReadonlySet<string | symbol> = new Set<keyof RunStore>([
  ...(['acquire', 'transition', 'explain', 'startGeneration', 'releaseAssignments', 'recordSteps'] as const),
  ...(['recordCheckpoint', 'recordScores', 'recordLog', 'complete', 'giveUp'] as const),
]);

/**
 * A record that cuts the n-th run that it hears of at its n-th write. Of a run whose supervisor is killed, that one hears
 * nothing any more, and says nothing.
 */
function cutting(runs: RunStore, cut: Cut) {
  const lives = new Map<string, { at: number; writes: number; isKilled: boolean }>();
  const over = new Promise<never>((_, reject) => release.push(() => reject(new Error('the test is over'))));
  over.catch(() => undefined);
  const record = new Proxy(runs, {
    get(target, name) {
      const method = Reflect.get(target, name, target) as (...args: unknown[]) => Promise<unknown>;
      return async (...args: unknown[]) => {
        if (!writes.has(name))
          return lives.get(String(args[0]))?.isKilled ? over : method.apply(target, args);
        const runId = String(args[0]);
        const life = lives.get(runId) ?? { at: lives.size + 1, writes: 0, isKilled: false };
        lives.set(runId, life);
        if (life.isKilled) return over;
        life.writes += 1;
        if (life.writes !== life.at) {
          const answer = await method.apply(target, args);
          return life.isKilled ? over : answer;
        }
        life.isKilled = cut.startsWith('killed');
        if (cut === 'answer lost' || cut === 'killed after') await method.apply(target, args);
        if (life.isKilled) return over;
        throw Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });
      };
    },
  });
  const wasCut = (runId: string) => {
    const life = lives.get(runId);
    return life !== undefined && life.writes >= life.at;
  };
  return { record, wasCut };
}

async function expectWhole(runId: string): Promise<void> {
  const { stores } = supervisions;
  const { client } = stores.database;
  expect(await supervisions.stepsOf(runId)).toEqual(allSteps);
  const run = await stores.runs.get(runId);
  expect(run.scores.map(({ metric, value }) => [metric, value])).toEqual([['top1', 0.9]]);
  expect(await client.runEvent.count({ where: { runId, type: 'state', status: 'SUCCEEDED' } })).toBe(1);
  expect(await client.model.count({ where: { runId } })).toBe(1);
  expect(await client.assignment.count({ where: { runId, heldWorkerId: { not: null } } })).toBe(0);
}

/** More than a run of this length has writes, however many of its steps share one: the last is not cut. */
const RUNS = 20;

test.each<Cut>(['answer lost', 'refused connection', 'killed before', 'killed after'])(
  '%s at every write: each run succeeds once, with all of its steps, and holds nobody',
  async (cut) => {
    const { record, wasCut } = cutting(supervisions.stores.runs, cut);
    const first = await supervisions.launch({ stores: { ...supervisions.stores, runs: record } });
    const fakes = await supervisions.addScripted(first, RUNS, { checkpoints: [2] });
    const ids: string[] = [];
    for (let run = 0; run < RUNS; run++) ids.push((await supervisions.submit(first, { max: 1 })).id);
    const isOver = async (id: string) => (await supervisions.stores.runs.statusOf(id)) === 'SUCCEEDED';
    let plane = first;
    if (cut.startsWith('killed')) {
      const settled = async () => {
        const states = await Promise.all(ids.map(async (id) => wasCut(id) || (await isOver(id))));
        return states.every(Boolean);
      };
      await expect.poll(settled, { timeout: 30_000 }).toBe(true);
      plane = await supervisions.launch();
      await Promise.all(fakes.map((fake) => fake.moveTo(plane.port)));
    }
    for (const id of ids) await supervisions.reaches(id, 'SUCCEEDED');
    for (const id of ids) await expectWhole(id);
    expect(ids.filter(wasCut).length).toBeGreaterThanOrEqual(9);
    expect(wasCut(ids.at(-1) as string)).toBe(false);
    await nobodyIsHeld(plane);
  },
);
