/** A run enters the record: QUEUED, with its first event, once for each idempotency key. */
import { createHash } from 'node:crypto';
import {
  invalidInput,
  type Progress,
  type ResolvedRunSpec,
  type Run,
  TriptychError,
  type Violation,
} from '@triptych/protocol';
import { type Act, recordAct } from './audit-log.ts';
import { type Database, isDuplicate, json, type Transaction } from './database.ts';
import { newId } from './identifier.ts';
import { runOf, runRelations } from './run-rows.ts';

export interface Submission {
  readonly spec: ResolvedRunSpec;
  readonly architecture: string;
  readonly datasetId: string;
  /** Of all datasets of the spec, in its order; absent: that of `datasetId` alone. */
  readonly datasetManifests?: readonly string[];
  /** File list of the base model; absent: the preset that the spec names. */
  readonly baseArtifact?: string;
  /** File lists of the models that towers come from, by tower. */
  readonly towerArtifacts?: Readonly<Record<string, string>>;
  readonly totalSteps: number;
  /** The body as the user sent it, and the key that makes sending it again harmless. */
  readonly idempotency?: { readonly key: string; readonly body: unknown };
  /** Who asks for it. */
  readonly act?: Act;
}

export class RunSubmission {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * The run that this key and body made before, if they did. `IDEMPOTENCY_KEY_REUSED` where the body was another one.
   * Asked before the body is resolved, so that a repeat answers the same though models and datasets have changed.
   */
  async findEarlier(idempotency: Submission['idempotency']): Promise<Run | undefined> {
    if (!idempotency) return undefined;
    const earlier = await this.#database.client.run.findUnique({
      where: { idempotencyKey: idempotency.key },
      include: runRelations,
    });
    if (!earlier) return undefined;
    if (earlier.bodyHash !== hashOf(idempotency.body))
      throw new TriptychError(
        'IDEMPOTENCY_KEY_REUSED',
        `Idempotency-Key ${idempotency.key} made run ${earlier.id} from another body; use a new key`,
      );
    return runOf(earlier);
  }

  /** `NAME_TAKEN` where another run has the name. `created` is false where the key made the run before. */
  async insert(submission: Submission): Promise<{ run: Run; created: boolean }> {
    try {
      return { run: await this.#create(submission), created: true };
    } catch (cause) {
      if (!isDuplicate(cause)) throw cause;
      // The same key may have won the race; if not, it was the name.
      const run = await this.findEarlier(submission.idempotency);
      if (run) return { run, created: false };
      throw new TriptychError(
        'NAME_TAKEN',
        `A run named ${submission.spec.name} exists; choose another name`,
        {
          cause,
        },
      );
    }
  }

  async #create(submission: Submission): Promise<Run> {
    const { spec, datasetId, datasetManifests, baseArtifact, architecture, totalSteps, idempotency } =
      submission;
    const { towerArtifacts, act } = submission;
    const { client } = this.#database;
    const id = newId('run');
    const state = { status: 'QUEUED', reason: 'SUBMITTED', message: 'Waiting in the queue' };
    const row = await client.$transaction(async (transaction) => {
      await assertThere(transaction, submission);
      const created = await transaction.run.create({
        data: {
          id,
          ...(spec.name === undefined ? {} : { name: spec.name }),
          ...(idempotency ? { idempotencyKey: idempotency.key, bodyHash: hashOf(idempotency.body) } : {}),
          spec: json(spec),
          modelName: spec.model,
          architecture,
          ...(datasetManifests ? { datasetManifests: json(datasetManifests) } : {}),
          ...(baseArtifact === undefined ? {} : { baseArtifact }),
          ...(towerArtifacts === undefined ? {} : { towerArtifacts: json(towerArtifacts) }),
          datasetId,
          submittedBy: act?.actor ?? null,
          priority: spec.priority,
          ...state,
          progress: noProgress(totalSteps),
          eventSequence: 1,
        },
      });
      const event = {
        runId: id,
        sequence: 1,
        type: 'state',
        ...state,
        actor: act?.actor ?? null,
        detail: {},
      };
      await transaction.runEvent.create({ data: event });
      await recordAct(transaction, act, id);
      return created;
    });
    return runOf({ ...row, scores: [], model: null });
  }
}

/** Locks what the run is made from until it is on record: whoever deletes it then sees the run. */
async function assertThere(transaction: Transaction, submission: Submission): Promise<void> {
  const { spec, datasetId, datasetManifests = [], baseArtifact, towerArtifacts = {} } = submission;
  const artifacts = [baseArtifact, ...Object.values(towerArtifacts)].filter((one) => one !== undefined);
  const datasets = await transaction.$queryRaw<{ id: string; manifest: string }[]>`
    SELECT id, manifest FROM datasets
    WHERE deleted_at IS NULL AND (id = ${datasetId} OR manifest = ANY(${datasetManifests})) FOR KEY SHARE`;
  const models =
    artifacts.length === 0
      ? []
      : await transaction.$queryRaw<{ artifact: string }[]>`
          SELECT artifact FROM models WHERE artifact = ANY(${artifacts}) FOR KEY SHARE`;
  const violations: Violation[] = [];
  if (
    !datasets.some(({ id }) => id === datasetId) ||
    !datasetManifests.every((one) => datasets.some(({ manifest }) => manifest === one))
  )
    violations.push(deleted(spec.datasets ? '/datasets' : '/dataset', 'dataset'));
  if (!artifacts.every((one) => models.some(({ artifact }) => artifact === one)))
    violations.push(deleted('/model', 'model'));
  if (violations.length > 0) throw invalidInput('run', violations);
}

const deleted = (path: string, what: string): Violation => ({
  path,
  expected: `a ${what} that there is`,
  actual: 'one that has just been deleted',
  remedy: `choose another one; see GET /v1/${what}s`,
});

const noProgress = (totalSteps: number): Progress => ({
  step: 0,
  totalSteps,
  epoch: 0,
  ratio: 0,
  samplesProcessed: 0,
});

/** The order of a body's fields means nothing. */
const hashOf = (body: unknown): string => createHash('sha256').update(canonical(body)).digest('hex');

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
