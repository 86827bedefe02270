/** The supervisions under test: control planes and scripted workers on one real record, and what that record says of a run. */
import type { NumericsFacts, ResolvedRunSpec, RunStatus } from '@triptych/protocol';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { addDataset, addRun, openTestStores, putModel, type TestStores } from '../../testing/store.ts';
import { startControlPlane, type TestControlPlane } from './control-plane.ts';
import { ScriptedWorker } from './scripted-worker.ts';
import { type TrainingScript, trainingScript } from './scripts.ts';

export const STEPS = 6;

export const allSteps = Array.from({ length: STEPS }, (_, index) => index + 1);

/** Registers the hooks that open the record for the file and close everything after each test. */
export function useSupervision(): Supervisions {
  const supervisions = new Supervisions();
  beforeAll(() => supervisions.open());
  afterEach(() => supervisions.reset());
  afterAll(() => supervisions.close());
  return supervisions;
}

export class Supervisions {
  #stores: TestStores | undefined;
  #model = '';
  #dataset: Awaited<ReturnType<typeof addDataset>> | undefined;
  #controlPlanes: TestControlPlane[] = [];
  #workers: ScriptedWorker[] = [];

  get stores(): TestStores {
    if (!this.#stores) throw new Error('the record is opened before the first test');
    return this.#stores;
  }

  async open(): Promise<void> {
    this.#stores = await openTestStores();
    this.#dataset = await addDataset(this.#stores);
    this.#model = (await putModel(this.#stores.artifacts)).sha256;
  }

  async reset(): Promise<void> {
    await Promise.all(this.#controlPlanes.map((plane) => plane.close()));
    for (const fake of this.#workers) fake.close();
    this.#controlPlanes = [];
    this.#workers = [];
  }

  async close(): Promise<void> {
    await this.#stores?.close();
  }

  async launch(options: Partial<Parameters<typeof startControlPlane>[0]> = {}): Promise<TestControlPlane> {
    const plane = await startControlPlane({ stores: this.stores, ...options });
    this.#controlPlanes.push(plane);
    return plane;
  }

  /** In the order of their ranks. */
  async addScripted(
    plane: TestControlPlane,
    count: number,
    { numerics = {}, saysNumerics = {}, ...script }: Partial<TrainingScript> & Computing = {},
  ): Promise<ScriptedWorker[]> {
    const run = trainingScript({ steps: STEPS, model: this.#model, ...script });
    const added: ScriptedWorker[] = [];
    for (let i = 0; i < count; i++)
      added.push(
        await ScriptedWorker.start({ controlPort: plane.port, script: run, numerics, saysNumerics }),
      );
    this.#workers.push(...added);
    // Ranks go by worker id.
    return added.sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
  }

  async submit(plane: TestControlPlane, fields: Partial<ResolvedRunSpec['workers']> = {}) {
    if (!this.#dataset) throw new Error('the record is opened before the first test');
    const wanted = { min: 1, max: 2, pool: 'default', ...fields };
    const run = await addRun(this.stores, { dataset: this.#dataset, spec: { workers: wanted } });
    await plane.queue.enqueue(run.id, run.spec.priority);
    return run;
  }

  reaches(runId: string, status: RunStatus): Promise<void> {
    return expect
      .poll(() => this.stores.runs.statusOf(runId), { timeout: 15_000, interval: 10 })
      .toBe(status);
  }

  /** The states that the run went through, in order. */
  async statusesOf(runId: string): Promise<RunStatus[]> {
    const items = await this.stores.history.events(runId, { limit: 500 });
    const all = items.map(({ status }) => status);
    return all.filter((status, index) => status !== all[index - 1]);
  }

  /** The steps on record. */
  async stepsOf(runId: string): Promise<number[]> {
    return (await this.stores.history.steps(runId, { limit: 500 })).map(({ step }) => step);
  }
}

interface Computing {
  readonly numerics?: Partial<NumericsFacts>;
  readonly saysNumerics?: Partial<NumericsFacts>;
}

export const nobodyIsHeld = (plane: TestControlPlane): Promise<void> =>
  expect.poll(() => plane.registry.fleet().map(({ state }) => state), { interval: 20 }).not.toContain('busy');
