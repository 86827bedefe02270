/** /v1/models: presets, imported and trained models, and their files. */
import { Readable } from 'node:stream';
import {
  IdOrName,
  ImportModel,
  InterpolateModels,
  Model,
  ModelPage,
  PageQuery,
  Text,
  TriptychError,
} from '@triptych/protocol';
import { Type } from 'typebox';
import { importModel } from '../models/import.ts';
import { importAdapter } from '../models/import-adapter.ts';
import { interpolateModels } from '../models/interpolate.ts';
import { actIn } from './access.ts';
import { nothing, problems } from './answer-schema.ts';
import type { App } from './app.ts';
import { allowedPath } from './data-roots.ts';
import { ModelCatalog } from './model-catalog.ts';
import type { Services } from './services.ts';

const ModelParams = Type.Object({ id: IdOrName('a model') });
const FileParams = Type.Object({
  ...ModelParams.properties,
  '*': Text({ maxLength: 4096, description: 'Path of the file, as `files` of the model has it' }),
});
const FileContent = Type.Union([
  Type.Unsafe<Readable>(Type.String({ contentMediaType: 'application/octet-stream', format: 'binary' })),
  Type.Unknown({ description: 'Of a .json file' }),
]);

export function modelRoutes(app: App, services: Services): void {
  const { models, artifacts, dataRoots, deletion, holds, leader } = services;
  const catalog = new ModelCatalog(models);
  const tags = ['models'];

  app.get(
    '/v1/models',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'listModels',
        summary: 'Presets, then imported and trained models, newest first',
        querystring: PageQuery,
        response: { 200: ModelPage, ...problems(422) },
      },
    },
    (request) => catalog.list(request.query),
  );

  app.post(
    '/v1/models',
    {
      config: { scope: 'submit' },
      schema: {
        tags,
        operationId: 'importModel',
        summary: 'Import a model from a folder in Hugging Face layout, or a PEFT adapter of a model',
        body: ImportModel,
        response: { 201: Model, ...problems(400, 409, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      const { base, ...rest } = request.body;
      const body = { ...rest, path: await allowedPath(rest.path, dataRoots) };
      await using hold = await holds.hold();
      const options = { models, catalog, artifacts, act: actIn(request), hold };
      const model = await (base === undefined
        ? importModel(body, options)
        : importAdapter({ ...body, base }, options));
      return reply.code(201).header('location', `/v1/models/${model.id}`).send(model);
    },
  );

  app.post(
    '/v1/models/interpolations',
    {
      config: { scope: 'submit' },
      schema: {
        tags,
        operationId: 'interpolateModels',
        summary: 'A model between two others of the same parameters (WiSE-FT)',
        body: InterpolateModels,
        response: { 201: Model, ...problems(400, 409, 413, 415, 422) },
      },
    },
    async (request, reply) => {
      await using hold = await holds.hold();
      const model = await interpolateModels(request.body, {
        ...{ models, catalog, artifacts, hold },
        act: actIn(request),
      });
      return reply.code(201).header('location', `/v1/models/${model.id}`).send(model);
    },
  );

  app.get(
    '/v1/models/:id',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'getModel',
        summary: 'A model, by id or name',
        params: ModelParams,
        response: { 200: Model, ...problems(404, 422) },
      },
    },
    (request) => named(request.params.id),
  );

  app.delete(
    '/v1/models/:id',
    {
      config: { scope: 'operate' },
      schema: {
        tags,
        operationId: 'deleteModel',
        summary:
          'Delete an imported or trained model that no live run starts from; the run that trained it stays',
        params: ModelParams,
        response: { 204: nothing('There is no such model any more'), ...problems(404, 409, 422) },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (catalog.presetNames.includes(id))
        throw new TriptychError(
          'ILLEGAL_STATE',
          `${id} is a preset: it is part of Triptych and takes no room`,
        );
      await deletion.model(id, actIn(request));
      leader.collectSoon();
      return reply.code(204).send(undefined);
    },
  );

  app.get(
    '/v1/models/:id/files/*',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        operationId: 'readModelFile',
        summary: 'A file of a model (config.json, model.safetensors, vocab.json, ...)',
        params: FileParams,
        response: { 200: FileContent, ...problems(404, 422) },
      },
    },
    async (request, reply) => {
      const { id, '*': path } = request.params;
      const model = await named(id);
      const file = model.files?.find((one) => one.path === path);
      if (!file) {
        const there = model.files?.map((one) => one.path).join(', ');
        throw new TriptychError(
          'NOT_FOUND',
          `Model ${id} has no file ${path}; it has ${there ?? 'none: presets are initialised from the seed of a run'}`,
        );
      }
      const { sha256, bytes } = file;
      if (!(await artifacts.has(sha256)))
        throw new TriptychError('NOT_FOUND', `The content of ${path} is not in the artifact store`);
      return reply
        .headers({
          etag: `"${sha256}"`,
          'content-length': bytes,
          'cache-control': 'public, max-age=31536000, immutable',
        })
        .type(path.endsWith('.json') ? 'application/json' : 'application/octet-stream')
        .send(Readable.from(artifacts.read(sha256), { objectMode: false }));
    },
  );

  async function named(id: string): Promise<Model> {
    const model = await catalog.find(id);
    if (!model) throw new TriptychError('NOT_FOUND', `There is no model ${id}; see GET /v1/models`);
    return model;
  }
}
