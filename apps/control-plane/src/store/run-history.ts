/** Reads the record of runs for the REST API: lists of runs, and what happened in one of them. It writes nothing. */
import {
  type Checkpoint,
  isTerminal,
  PredictionsReport,
  type Run,
  type RunEvent,
  type RunStatus,
  runStatuses,
  type Score,
  type StepMetric,
  violationsOf,
} from '@triptych/protocol';
import type { Database } from './database.ts';
import { after, DEFAULT_LIMIT, newestFirst, type PageRequest, pageOf } from './page-cursor.ts';
import { positionOfNext, queuePositions } from './queue-position.ts';
import { checkpointOf, eventOf, runOf, runRelations, scoreOf, stepMetricOf } from './run-rows.ts';
import { noSuchRun } from './run-write.ts';

/** Runs that ended just now and are still told of: each is a dozen series. */
const MOST_ENDED = 20;

export interface RunFilter extends PageRequest {
  readonly status?: RunStatus;
  /** Id or name. */
  readonly dataset?: string;
  readonly model?: string;
}

export class RunHistory {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async list(filter: RunFilter): Promise<{ items: Run[]; nextCursor?: string }> {
    const { limit = DEFAULT_LIMIT, cursor, status, dataset, model } = filter;
    const rows = await this.#client.run.findMany({
      where: {
        AND: [
          after(cursor),
          status === undefined ? {} : { status },
          model === undefined ? {} : { modelName: model },
          dataset === undefined ? {} : { dataset: { OR: [{ id: dataset }, { name: dataset }] } },
        ],
      },
      orderBy: newestFirst,
      take: limit + 1,
      include: runRelations,
    });
    const queued = rows.filter((row) => row.status === 'QUEUED').map(({ id }) => id);
    const positions = await queuePositions(this.#client, queued);
    return pageOf(rows, { limit, item: (row) => runOf(row, positions.get(row.id)) });
  }

  /** Events with a sequence above `after`, oldest first. */
  async events(runId: string, options: { after?: number; limit?: number }): Promise<RunEvent[]> {
    const rows = await this.#client.runEvent.findMany({
      where: { runId, sequence: { gt: options.after ?? 0 } },
      orderBy: { sequence: 'asc' },
      take: options.limit ?? DEFAULT_LIMIT,
    });
    return rows.length > 0 ? rows.map(eventOf) : this.#emptyOf(runId);
  }

  /** Of the newest event of each of these runs. */
  async sequences(runIds: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.#client.run.findMany({
      where: { id: { in: [...runIds] } },
      select: { id: true, eventSequence: true },
    });
    return new Map(rows.map(({ id, eventSequence }) => [id, eventSequence]));
  }

  /** The newest events but progress with a sequence above `after`, oldest first, and the sequence of the newest event of all. */
  async story(
    runId: string,
    options: { after: number; limit: number },
  ): Promise<{ items: RunEvent[]; nextSequence: number }> {
    const { after: above, limit } = options;
    const where = { runId, sequence: { gt: above } };
    // First: what comes between the two readings must not be lost.
    const { _max } = await this.#client.runEvent.aggregate({ where, _max: { sequence: true } });
    const rows = await this.#client.runEvent.findMany({
      where: { ...where, type: { not: 'progress' } },
      orderBy: { sequence: 'desc' },
      take: limit,
    });
    const items = rows.length > 0 ? rows.map(eventOf).toReversed() : await this.#emptyOf(runId);
    return { items, nextSequence: _max.sequence ?? above };
  }

  /** About `points` of the step metrics above `afterStep`, evenly spread, in order; the last one is among them. */
  async curve(runId: string, options: { afterStep: number; points: number }): Promise<StepMetric[]> {
    const { afterStep, points } = options;
    const rows = await this.#client.$queryRaw<{ step: number }[]>`
      WITH numbered AS (
        SELECT step, row_number() OVER (ORDER BY step DESC) - 1 AS place, count(*) OVER () AS total
        FROM step_metrics WHERE run_id = ${runId} AND step > ${afterStep})
      SELECT step FROM numbered WHERE place % greatest(1, ceil(total::float / ${points})::int) = 0`;
    if (rows.length === 0) return this.#emptyOf(runId);
    const metrics = await this.#client.stepMetric.findMany({
      where: { runId, step: { in: rows.map(({ step }) => step) } },
      orderBy: { step: 'asc' },
    });
    return metrics.map(stepMetricOf);
  }

  /** Step metrics with a step above `afterStep`, in order. */
  async steps(runId: string, options: { afterStep?: number; limit?: number }): Promise<StepMetric[]> {
    const rows = await this.#client.stepMetric.findMany({
      where: { runId, step: { gt: options.afterStep ?? -1 } },
      orderBy: { step: 'asc' },
      take: options.limit ?? DEFAULT_LIMIT,
    });
    return rows.length > 0 ? rows.map(stepMetricOf) : this.#emptyOf(runId);
  }

  async scores(runId: string): Promise<Score[]> {
    const rows = await this.#client.score.findMany({ where: { runId }, orderBy: { position: 'asc' } });
    return rows.length > 0 ? rows.map(scoreOf) : this.#emptyOf(runId);
  }

  /** What the tasks of a run predicted, by its events: the newest report of each task and stage. */
  async predictions(runId: string): Promise<PredictionsReport[]> {
    const rows = await this.#client.runEvent.findMany({
      where: { runId, type: 'log' },
      orderBy: { sequence: 'asc' },
    });
    if (rows.length === 0) return this.#emptyOf(runId);
    const reports = rows
      .map(({ detail }) => detail)
      .filter((detail): detail is PredictionsReport => violationsOf(PredictionsReport, detail).length === 0);
    return [...new Map(reports.map((one) => [`${one.stage} ${one.task}`, one])).values()];
  }

  /** Newest first. */
  async checkpoints(runId: string): Promise<Checkpoint[]> {
    const rows = await this.#client.checkpoint.findMany({ where: { runId }, orderBy: { step: 'desc' } });
    return rows.length > 0 ? rows.map(checkpointOf) : this.#emptyOf(runId);
  }

  /**
   * How many runs there are, by status, architecture and pool. Whoever submits may invent pools, and what is counted by
   * one stays in memory here and there: the fullest have their names, the others are "other" together.
   */
  async census({
    mostPools = 50,
  } = {}): Promise<{ status: string; architecture: string; pool: string; count: number }[]> {
    return this.#client.$queryRaw`
      WITH named AS (SELECT status, architecture, spec->'workers'->>'pool' AS pool FROM runs),
        fullest AS (SELECT pool FROM named GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT ${mostPools})
      SELECT status, architecture, count(*)::int AS count,
        CASE WHEN pool IN (SELECT pool FROM fullest) THEN pool ELSE 'other' END AS pool
      FROM named GROUP BY 1, 2, 4`;
  }

  /** Of the waiting runs of each pool that has workers, and backend (empty: any), the fewest workers that one would start with. */
  async demand(): Promise<{ pool: string; backend: string; numerics: string; workers: number }[]> {
    return this.#client.$queryRaw`
      SELECT spec->'workers'->>'pool' AS pool, coalesce(spec->'workers'->>'backend', '') AS backend,
        coalesce(numerics->>'digest', '') AS numerics,
        min((spec->'workers'->>'min')::int)::int AS workers
      FROM runs
      WHERE status = 'QUEUED' AND spec->'workers'->>'pool' IN (SELECT pool FROM workers)
      GROUP BY 1, 2, 3`;
  }

  /** Runs that are under way, and the newest of those that ended after this time; with their newest checkpoint. */
  async recent(since: Date): Promise<{ run: Run; checkpoint?: { bytes: number; at: Date } }[]> {
    const include = { ...runRelations, checkpoints: { orderBy: { step: 'desc' }, take: 1 } } as const;
    const isLive = (status: RunStatus) => status !== 'QUEUED' && !isTerminal(status);
    const live = await this.#client.run.findMany({
      where: { status: { in: runStatuses.filter(isLive) } },
      include,
    });
    const ended = await this.#client.run.findMany({
      where: { finishedAt: { gt: since } },
      orderBy: { finishedAt: 'desc' },
      take: MOST_ENDED,
      include,
    });
    return [...live, ...ended].map(({ checkpoints: [newest], ...row }) => ({
      run: runOf(row),
      ...(newest ? { checkpoint: { bytes: Number(newest.bytes), at: newest.at } } : {}),
    }));
  }

  /** The position that a run of this priority would get if it were submitted now. */
  async positionOfNext(priority: number): Promise<number> {
    return positionOfNext(this.#client, priority);
  }

  get #client() {
    return this.#database.client;
  }

  /** Nothing to show is an answer for a run that exists, and `NOT_FOUND` for one that does not. */
  async #emptyOf(runId: string): Promise<never[]> {
    if ((await this.#client.run.count({ where: { id: runId } })) === 0) throw noSuchRun(runId);
    return [];
  }
}
