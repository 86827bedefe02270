/** /v1/runs/{id}/...: what happened in a run - events (pages or a stream), step metrics, scores, checkpoints. */
import {
  CheckpointList,
  DatasetList,
  invalidInput,
  MAX_COUNT,
  Name,
  PredictionList,
  type PredictionsReport,
  RunEventPage,
  type SamplePrediction,
  ScoreList,
  StepMetricPage,
  show,
} from '@triptych/protocol';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { problems } from './answer-schema.ts';
import type { App } from './app.ts';
import { EventStream, type EventStreams } from './event-streams.ts';
import { byIdOrName, RunParams } from './run-path.ts';
import { runStream } from './run-stream.ts';
import type { Services } from './services.ts';

const closed = { additionalProperties: false } as const;
const position = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_COUNT, default: 0, description }));
const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 5000, default: 500, description: 'at most so many' }),
);

export function runHistoryRoutes(app: App, services: Services, streams: EventStreams): void {
  const { history, runs, artifacts, datasets } = services;
  const named = byIdOrName(services);
  const tags = ['runs'];

  app.get(
    '/v1/runs/:id/events',
    {
      ...named,
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listRunEvents',
        summary:
          'Events, of progress the newest alone: a JSON page, or with Accept: text/event-stream a stream that resumes after Last-Event-ID',
        params: RunParams,
        querystring: Type.Object(
          {
            after: position('only events with a higher sequence'),
            limit,
            view: Type.Optional(
              Type.Literal('story', {
                description:
                  'the newest events instead of the oldest, without progress; nextSequence is then that of the newest event of all',
              }),
            ),
          },
          closed,
        ),
        headers: Type.Object({
          'last-event-id': Type.Optional(
            Type.String({
              description: 'of a stream: only events after this one; a browser sends it by itself',
            }),
          ),
        }),
        response: { 200: Type.Union([RunEventPage, EventStream]), ...problems(404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const { after = 0, limit: most = 500, view } = request.query;
      if (request.headers.accept?.includes('text/event-stream')) {
        await runs.statusOf(id);
        return streams.send(reply, { subject: id, after: lastEventId(request) ?? after }, (following) =>
          runStream(services, following),
        );
      }
      if (view === 'story') return history.story(id, { after, limit: most });
      const items = await history.events(id, { after, limit: most });
      return { items, nextSequence: items.at(-1)?.sequence ?? after };
    },
  );

  app.get(
    '/v1/runs/:id/metrics',
    {
      ...named,
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listRunStepMetrics',
        summary: 'Step metrics, in order',
        params: RunParams,
        querystring: Type.Object(
          {
            afterStep: position('only later steps'),
            limit,
            points: Type.Optional(
              Type.Integer({
                minimum: 2,
                maximum: 5000,
                description: 'of all later steps about so many, evenly spread, the last one among them',
              }),
            ),
          },
          closed,
        ),
        response: { 200: StepMetricPage, ...problems(404, 422) },
      },
    },
    async (request) => {
      const { afterStep = 0, limit: most = 500, points } = request.query;
      const { id } = request.params;
      const items =
        points === undefined
          ? await history.steps(id, { afterStep, limit: most })
          : await history.curve(id, { afterStep, points });
      return { items, nextStep: items.at(-1)?.step ?? afterStep };
    },
  );

  app.get(
    '/v1/runs/:id/scores',
    {
      ...named,
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listRunScores',
        summary: 'Scores, in the order of their report',
        params: RunParams,
        response: { 200: ScoreList, ...problems(404, 422) },
      },
    },
    async (request) => ({ items: await history.scores(request.params.id) }),
  );

  app.get(
    '/v1/runs/:id/predictions',
    {
      ...named,
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listRunPredictions',
        summary: 'What the model said to the samples of each task, beside what would have been right',
        params: RunParams,
        querystring: Type.Object(
          {
            task: Type.Optional(Type.String({ ...Name, description: 'only those of this task' })),
            after: position('leaves out so many'),
            limit,
          },
          closed,
        ),
        response: { 200: PredictionList, ...problems(404, 422) },
      },
    },
    async (request) => {
      const { task, after = 0, limit: most = 500 } = request.query;
      const reports = await history.predictions(request.params.id);
      const wanted = reports.filter((one) => task === undefined || one.task === task);
      return { items: await Promise.all(wanted.map((one) => read(one, { after, most }))) };
    },
  );

  app.get(
    '/v1/runs/:id/checkpoints',
    {
      ...named,
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listRunCheckpoints',
        summary: 'Checkpoints, newest first',
        params: RunParams,
        response: { 200: CheckpointList, ...problems(404, 422) },
      },
    },
    async (request) => ({ items: await history.checkpoints(request.params.id) }),
  );

  app.get(
    '/v1/runs/:id/datasets',
    {
      ...named,
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listRunDatasets',
        summary: 'What a run trains on or was trained on, also where it was deleted since',
        params: RunParams,
        response: { 200: DatasetList, ...problems(404, 422) },
      },
    },
    async (request) => ({ items: await datasets.ofRun(await runs.get(request.params.id)) }),
  );

  async function read(
    { sha256, predictions: _, ...report }: PredictionsReport,
    { after, most }: { after: number; most: number },
  ) {
    const lines = new TextDecoder().decode(await artifacts.get(sha256)).split('\n', after + most);
    const predictions = lines.slice(after).filter(Boolean);
    return { ...report, predictions: predictions.map((line) => JSON.parse(line) as SamplePrediction) };
  }
}

function lastEventId({ headers }: FastifyRequest): number | undefined {
  const id = headers['last-event-id'];
  if (id === undefined || id === '') return undefined;
  if (typeof id === 'string' && /^\d{1,10}$/.test(id) && Number(id) <= MAX_COUNT) return Number(id);
  throw invalidInput('headers', [
    {
      path: '/last-event-id',
      expected: 'the id of an event',
      actual: show(id),
      remedy: 'leave it out',
    },
  ]);
}
