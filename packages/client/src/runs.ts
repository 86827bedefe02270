/** Runs: submit, plan, look at, follow, cancel, delete. */
import { randomUUID } from 'node:crypto';
import type {
  Checkpoint,
  Dataset,
  PredictionList,
  Run,
  RunComparison,
  RunEvent,
  RunPlan,
  RunSpec,
  RunStatus,
  Score,
  StepMetric,
} from '@triptych/protocol';
import { type Call, type Connection, path } from './connection.ts';
import { eachItem } from './pages.ts';
import { type EventsOptions, followRun } from './run-events.ts';

export interface CreateRunOptions extends Call {
  /** The same key and spec give the same run, however often they are sent. A new key by default. */
  readonly idempotencyKey?: string;
}

export interface ListRuns extends Call {
  readonly status?: RunStatus;
  readonly dataset?: string;
  readonly model?: string;
  /** Items a page, not in all. */
  readonly pageSize?: number;
}

export interface StepMetricsOptions extends Call {
  /** Only steps after this one; 0 by default: all. */
  readonly afterStep?: number;
}

export interface PredictionsOptions extends Call {
  readonly task?: string;
  readonly after?: number;
  readonly limit?: number;
}

export class Runs {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Safe to repeat, and repeated by itself while the control plane cannot be reached: the key keeps it one run. */
  create(spec: RunSpec, { idempotencyKey = randomUUID(), signal }: CreateRunOptions = {}): Promise<Run> {
    const headers = { 'idempotency-key': idempotencyKey };
    return this.#connection.json({ method: 'POST', path: '/v1/runs', headers, body: spec, signal });
  }

  /** What would happen if the spec were submitted now. Creates nothing. */
  plan(spec: RunSpec, { signal }: Call = {}): Promise<RunPlan> {
    const request = { method: 'POST', path: '/v1/runs/plan', body: spec, repeatable: true } as const;
    return this.#connection.json({ ...request, signal });
  }

  get(id: string, { signal }: Call = {}): Promise<Run> {
    return this.#connection.json({ path: path`/v1/runs/${id}`, signal });
  }

  /** Ids or names of two runs at least. INVALID_INPUT where they were not scored on the same data. */
  compare(runs: readonly string[], { signal }: Call = {}): Promise<RunComparison> {
    return this.#connection.json({ path: '/v1/runs/compare', query: { runs: runs.join(',') }, signal });
  }

  /** Newest first. */
  list({ signal, pageSize, ...filters }: ListRuns = {}): AsyncGenerator<Run, void, void> {
    return eachItem(this.#connection, { path: '/v1/runs', query: { ...filters, limit: pageSize }, signal });
  }

  /** Asks for the end of the run; it has ended when its status is CANCELLED. */
  cancel(id: string, { signal }: Call = {}): Promise<Run> {
    const request = { method: 'POST', path: path`/v1/runs/${id}/cancel`, repeatable: true } as const;
    return this.#connection.json({ ...request, signal });
  }

  /** Lets a run that waits for workers go on with such as compute other bits than those it began on; its story says so. */
  acceptNumerics(id: string, { signal }: Call = {}): Promise<Run> {
    const request = { method: 'POST', path: path`/v1/runs/${id}/accept-numerics` } as const;
    return this.#connection.json({ ...request, signal });
  }

  /** Of a run that is over; the model that it trained stays. ILLEGAL_STATE where it is not over. */
  delete(id: string, { signal }: Call = {}): Promise<void> {
    return this.#connection.delete({ path: path`/v1/runs/${id}`, signal });
  }

  /** What the run trains on or was trained on, in the order of its spec, also where it was deleted since. */
  async datasets(id: string, { signal }: Call = {}): Promise<Dataset[]> {
    const request = { path: path`/v1/runs/${id}/datasets`, signal };
    return (await this.#connection.json<{ items: Dataset[] }>(request)).items;
  }

  /** Every event until the run has ended, across lost connections. See {@link followRun}. */
  events(id: string, options?: EventsOptions): AsyncGenerator<RunEvent, void, void> {
    return followRun(this.#connection, id, options);
  }

  /** The committed steps so far, in order. */
  async *stepMetrics(
    id: string,
    { afterStep = 0, signal }: StepMetricsOptions = {},
  ): AsyncGenerator<StepMetric, void, void> {
    for (let after = afterStep; ; ) {
      const page = await this.#connection.json<{ items: StepMetric[]; nextStep: number }>({
        path: path`/v1/runs/${id}/metrics`,
        query: { afterStep: after },
        signal,
      });
      const latest = page.items.at(-1)?.step;
      if (latest === undefined || latest <= after) return;
      yield* page.items;
      after = latest;
    }
  }

  async scores(id: string, { signal }: Call = {}): Promise<Score[]> {
    return (await this.#connection.json<{ items: Score[] }>({ path: path`/v1/runs/${id}/scores`, signal }))
      .items;
  }

  /** What the model said to the samples of each task: `limit` (500) of each, after the first `after`. */
  async predictions(
    id: string,
    { signal, ...query }: PredictionsOptions = {},
  ): Promise<PredictionList['items']> {
    const request = { path: path`/v1/runs/${id}/predictions`, query: { ...query }, signal };
    return (await this.#connection.json<PredictionList>(request)).items;
  }

  async checkpoints(id: string, { signal }: Call = {}): Promise<Checkpoint[]> {
    const request = { path: path`/v1/runs/${id}/checkpoints`, signal };
    return (await this.#connection.json<{ items: Checkpoint[] }>(request)).items;
  }
}
