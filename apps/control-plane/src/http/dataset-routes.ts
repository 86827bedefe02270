/** /v1/datasets: register a folder, follow how it is read, see what is in it, delete it. */
import { Dataset, DatasetPage, IdOrName, PageQuery } from '@triptych/protocol';
import { Type } from 'typebox';
import { actIn } from './access.ts';
import { nothing, problems } from './answer-schema.ts';
import type { App } from './app.ts';
import { allowedPath } from './data-roots.ts';
import { assertFolder, registrationBody } from './dataset-registration.ts';
import { datasetStream } from './dataset-stream.ts';
import { EventStream, type EventStreams } from './event-streams.ts';
import type { Services } from './services.ts';

const DatasetParams = Type.Object({ id: IdOrName('a dataset') });

export function datasetRoutes(app: App, services: Services, streams: EventStreams): void {
  const { datasets, registrar, dataRoots, deletion, leader } = services;
  const tags = ['datasets'];

  app.post(
    '/v1/datasets',
    {
      config: { scope: 'submit' },
      schema: {
        tags,
        operationId: 'registerDataset',
        summary:
          'Register a folder, which is then read: the dataset is VALIDATING, and later READY, or INVALID with the reason',
        body: registrationBody,
        response: { 202: Dataset, ...problems(400, 409, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const path = await allowedPath(body.path, dataRoots);
      await assertFolder(path);
      const dataset = await datasets.begin({ ...body, path }, actIn(request));
      registrar.look();
      return reply.code(202).header('location', `/v1/datasets/${dataset.id}`).send(dataset);
    },
  );

  app.get(
    '/v1/datasets',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listDatasets',
        summary: 'Datasets, newest first',
        querystring: PageQuery,
        response: { 200: DatasetPage, ...problems(422) },
      },
    },
    (request) => datasets.list(request.query),
  );

  app.get(
    '/v1/datasets/:id',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'getDataset',
        summary: 'A dataset, by id or name',
        params: DatasetParams,
        response: { 200: Dataset, ...problems(404, 422) },
      },
    },
    (request) => datasets.get(request.params.id),
  );

  app.get(
    '/v1/datasets/:id/events',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listDatasetEvents',
        summary: 'The dataset whenever it has changed, as a stream that ends when it is READY or INVALID',
        params: DatasetParams,
        response: { 200: EventStream, ...problems(404, 422) },
      },
    },
    async (request, reply) => {
      const { id } = await datasets.get(request.params.id);
      return streams.send(reply, { subject: id }, (following) => datasetStream(datasets, following));
    },
  );

  app.post(
    '/v1/datasets/:id/cancel',
    {
      config: { scope: 'submit' },
      schema: {
        tags,
        operationId: 'cancelRegistration',
        summary: 'End the reading of a folder: the dataset is INVALID, and its name is free for another try',
        params: DatasetParams,
        response: { 200: Dataset, ...problems(404, 409, 422) },
      },
    },
    async (request) => {
      const dataset = await datasets.cancel(request.params.id, actIn(request));
      registrar.stop(dataset.id);
      return dataset;
    },
  );

  app.delete(
    '/v1/datasets/:id',
    {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'deleteDataset',
        summary:
          'Delete a dataset that no live run trains on; runs that are over still tell what it was (GET /v1/runs/{id}/datasets)',
        params: DatasetParams,
        response: { 204: nothing('There is no such dataset any more'), ...problems(404, 409, 422) },
      },
    },
    async (request, reply) => {
      registrar.stop(await deletion.dataset(request.params.id, actIn(request)));
      leader.collectSoon();
      return reply.code(204).send(undefined);
    },
  );
}
