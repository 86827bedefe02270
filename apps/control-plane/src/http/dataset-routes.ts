/** /v1/datasets: register a folder, see what is in it. */
import { Dataset, DatasetPage, IdOrName, PageQuery, TriptychError } from '@triptych/protocol';
import { Type } from 'typebox';
import { actIn } from './access.ts';
import { problems } from './answer-schema.ts';
import type { App } from './app.ts';
import { allowedPath } from './data-roots.ts';
import { registerDataset, registrationBody } from './dataset-registration.ts';
import type { Services } from './services.ts';

export function datasetRoutes(app: App, { datasets, artifacts, dataRoots }: Services): void {
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
      const dataset = await registerDataset(body, {
        ...{ datasets, artifacts, signal: gone.signal },
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
        params: Type.Object({ id: IdOrName('a dataset') }),
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
}
