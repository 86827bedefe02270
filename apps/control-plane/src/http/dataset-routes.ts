/** /v1/datasets: register a folder, see what is in it, delete it. */
import { Dataset, DatasetPage, IdOrName, PageQuery, TriptychError } from '@triptych/protocol';
import { Type } from 'typebox';
import { actIn } from './access.ts';
import { nothing, problems } from './answer-schema.ts';
import type { App } from './app.ts';
import { allowedPath } from './data-roots.ts';
import { registerDataset, registrationBody } from './dataset-registration.ts';
import type { Services } from './services.ts';

const DatasetParams = Type.Object({ id: IdOrName('a dataset') });

export function datasetRoutes(app: App, services: Services): void {
  const { datasets, artifacts, dataRoots, deletion, collection, housekeeping } = services;
  const tags = ['datasets'];

  app.post(
    '/v1/datasets',
    {
      config: { scope: 'submit' },
      schema: {
        tags,
        operationId: 'registerDataset',
        summary: 'Register a folder; answers when every image has been read and packed',
        body: registrationBody,
        response: { 201: Dataset, ...problems(400, 409, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort(new TriptychError('CANCELLED', 'The client went away')));
      const body = { ...request.body, path: await allowedPath(request.body.path, dataRoots) };
      using _ = collection.hold();
      const dataset = await registerDataset(body, {
        ...{ datasets, artifacts, signal: gone.signal, roots: dataRoots },
        act: actIn(request),
      });
      return reply.code(201).header('location', `/v1/datasets/${dataset.id}`).send(dataset);
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
    async (request) => {
      const { id } = request.params;
      const dataset = await datasets.find(id);
      if (!dataset) throw new TriptychError('NOT_FOUND', `There is no dataset ${id}; see GET /v1/datasets`);
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
      await deletion.dataset(request.params.id, actIn(request));
      housekeeping.collectSoon();
      return reply.code(204).send(undefined);
    },
  );
}
