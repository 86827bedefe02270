/** /v1/runs: submit, plan, list, look at, cancel. */
import {
  invalidInput,
  MOST_COMPARED,
  type Model,
  Run,
  RunComparison,
  RunPage,
  RunPlan,
  RunQuery,
  RunSpec,
  show,
  TriptychError,
  type Violation,
} from '@triptych/protocol';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { adapterOf } from '../models/model-adapter.ts';
import { hasReadableSpec } from '../store/run-rows.ts';
import { actIn, assertScope, principalIn } from './access.ts';
import { described, nothing, problems } from './answer-schema.ts';
import type { App } from './app.ts';
import { ModelCatalog } from './model-catalog.ts';
import { assertComparable, comparisonOf } from './run-comparison.ts';
import { byIdOrName, RunParams } from './run-path.ts';
import { planOf } from './run-plan.ts';
import { resolveRun } from './run-resolution.ts';
import type { Services } from './services.ts';

const KEY_PATTERN = /^[\x21-\x7e]{1,200}$/;

export function runRoutes(app: App, services: Services): void {
  const { runs, history, submission, queue, workers, metrics, datasets, artifacts, deletion, leader } =
    services;
  const catalogs = {
    datasets,
    models: new ModelCatalog(services.models),
    adapterOf: (model: Model) => adapterOf(model, artifacts),
  };
  const named = byIdOrName(services);
  const tags = ['runs'];

  app.post(
    '/v1/runs',
    {
      // The handler adds what only the catalog can tell, so that one answer has every problem.
      attachValidation: true,
      config: { scope: 'submit' },
      schema: {
        tags,
        operationId: 'createRun',
        summary: 'Submit a run',
        headers: Type.Object({
          'idempotency-key': Type.Optional(
            Type.String({
              description: 'The same key and body give the same run, however often they are sent',
            }),
          ),
        }),
        body: RunSpec,
        response: {
          200: described(Run, 'The run that this idempotency key has made before'),
          201: described(Run, 'The new run'),
          ...problems(400, 409, 413, 415, 422),
        },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const idempotency = idempotencyOf(request);
      const found = foundIn(request);
      const earlier = found.length === 0 ? await submission.findEarlier(idempotency) : undefined;
      if (earlier) return reply.code(200).send(await reviewed(earlier.id, request));
      const {
        spec,
        datasets: resolved,
        model,
        towerArtifacts,
        architecture,
        totalSteps,
      } = await resolveRun(body, {
        ...catalogs,
        found,
      });
      const { run, created } = await submission.insert({
        spec,
        architecture: architecture.name,
        datasetId: resolved[0]!.id,
        datasetManifests: resolved.map(({ manifest }) => manifest),
        ...(model.artifact === undefined ? {} : { baseArtifact: model.artifact }),
        ...(Object.keys(towerArtifacts).length > 0 ? { towerArtifacts } : {}),
        totalSteps,
        ...(idempotency ? { idempotency } : {}),
        act: actIn(request),
      });
      if (!created) return reply.code(200).send(await reviewed(run.id, request));
      metrics.submitted(run);
      await deliver(run, request);
      return reply.code(201).header('location', `/v1/runs/${run.id}`).send(run);
    },
  );

  app.post(
    '/v1/runs/plan',
    {
      attachValidation: true,
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'planRun',
        summary: 'What would happen if this were submitted now; creates nothing',
        body: RunSpec,
        response: { 200: RunPlan, ...problems(400, 413, 415, 422) },
      },
    },
    async (request) => {
      const run = await resolveRun(request.body, { ...catalogs, found: foundIn(request) });
      const [fleet, queuePosition, { items: past }] = await Promise.all([
        workers.list({ now: new Date(), keepLostMs: 0 }),
        history.positionOfNext(run.spec.priority),
        history.list({ model: run.spec.model, limit: 20 }),
      ]);
      return planOf(run, { workers: fleet, queuePosition, past: past.filter(hasReadableSpec) });
    },
  );

  app.get(
    '/v1/runs',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listRuns',
        summary: 'Runs, newest first',
        querystring: RunQuery,
        response: { 200: RunPage, ...problems(422) },
      },
    },
    (request) => history.list(request.query),
  );

  app.get(
    '/v1/runs/compare',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'getRunComparison',
        summary:
          'Runs that were scored on the same data beside each other: scores, and where their specs differ',
        querystring: Type.Object(
          {
            runs: Type.String({
              ...{ minLength: 1, maxLength: 4000 },
              description: `Ids or names of 2 to ${MOST_COMPARED} runs, with commas between them`,
            }),
          },
          { additionalProperties: false },
        ),
        response: { 200: RunComparison, ...problems(404, 422) },
      },
    },
    async ({ query }) => {
      const names = query.runs.split(',').map((one) => one.trim());
      assertComparable(names);
      return comparisonOf(
        await Promise.all(
          names.map(async (name) => {
            const run = await runs.get(await runs.idOf(name));
            return { run, manifest: (await datasets.ofRun(run))[0]?.manifest };
          }),
        ),
      );
    },
  );

  app.get(
    '/v1/runs/:id',
    {
      ...named,
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'getRun',
        summary: 'A run, by id or name',
        params: RunParams,
        response: { 200: Run, ...problems(404, 422) },
      },
    },
    (request) => runs.get(request.params.id),
  );

  /** What happens to a run of somebody else is for operators to say. */
  async function assertMine(request: FastifyRequest<{ Params: { id: string } }>): Promise<void> {
    const principal = principalIn(request);
    if ((await runs.get(request.params.id)).submittedBy !== principal.name) assertScope(principal, 'operate');
  }

  app.post(
    '/v1/runs/:id/cancel',
    {
      ...named,
      config: { scope: 'submit' },
      schema: {
        tags,
        operationId: 'cancelRun',
        summary: 'Ask for the end of a run',
        description: 'Of a run that somebody else submitted: with the scope operate.',
        params: RunParams,
        response: { 200: Run, ...problems(404, 409, 422) },
      },
    },
    async (request) => {
      await assertMine(request);
      const run = await runs.requestCancel(request.params.id, actIn(request));
      if (run.status === 'CANCELLED') await queue.remove(run.id).catch(reportTo(request, run.id));
      return run;
    },
  );

  app.post(
    '/v1/runs/:id/accept-numerics',
    {
      ...named,
      config: { scope: 'submit' },
      schema: {
        tags,
        operationId: 'acceptNumerics',
        summary: 'Let a waiting run go on with workers that compute other bits than those it began on',
        description: 'Of a run that somebody else submitted: with the scope operate.',
        params: RunParams,
        response: { 200: Run, ...problems(404, 409, 422) },
      },
    },
    async (request) => {
      await assertMine(request);
      return runs.acceptOtherNumerics(request.params.id, actIn(request));
    },
  );

  app.delete(
    '/v1/runs/:id',
    {
      ...named,
      config: { scope: 'submit' },
      schema: {
        tags,
        operationId: 'deleteRun',
        summary:
          'Delete a run that is over, with its events, step metrics, scores and checkpoints; the model that it trained stays',
        description: 'Of a run that somebody else submitted: with the scope operate.',
        params: RunParams,
        response: { 204: nothing('There is no such run any more'), ...problems(404, 409, 422) },
      },
    },
    async (request, reply) => {
      await assertMine(request);
      await deletion.run(request.params.id, actIn(request));
      leader.collectSoon();
      return reply.code(204).send(undefined);
    },
  );

  /** A repeat also repairs: the run may have been committed and never enqueued. */
  async function reviewed(runId: string, request: FastifyRequest): Promise<Run> {
    const run = await runs.get(runId);
    if (run.status === 'QUEUED') await deliver(run, request);
    return run;
  }

  /** The run is on record: where the queue is away, the sweep over unfinished runs delivers it later. */
  async function deliver(run: Run, request: FastifyRequest): Promise<void> {
    await queue.enqueue(run.id, run.spec.priority).catch(reportTo(request, run.id));
  }
}

const reportTo = (request: FastifyRequest, runId: string) => (error: unknown) => {
  request.log.warn(
    { event: 'queue-unavailable', runId, err: error },
    'The queue did not take a change; the sweep will',
  );
};

function idempotencyOf({ headers, body }: FastifyRequest): { key: string; body: unknown } | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && KEY_PATTERN.test(key)) return { key, body };
  throw invalidInput('headers', [
    {
      path: '/idempotency-key',
      expected: '1 to 200 visible ASCII characters, once',
      actual: show(key),
      remedy: 'send a UUID',
    },
  ]);
}

/** An error that names no field is the answer itself: never a body without problems. */
function foundIn({ validationError: error }: FastifyRequest): readonly Violation[] {
  if (!error) return [];
  if (error instanceof TriptychError && error.violations.length > 0) return error.violations;
  throw error;
}
