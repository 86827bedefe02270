/** What a stranger's tools need of /docs/json. That a client made from it compiles is told by tests/api-client. */
import { examples, violationsOf } from '@triptych/protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { addDataset } from '../testing/store.ts';

interface Media {
  readonly schema?: Record<string, unknown>;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}
interface Body {
  readonly description?: string;
  readonly content?: Readonly<Record<string, Media>>;
}
interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly { in: string; name: string; required: boolean; description?: string }[];
  readonly requestBody?: Body;
  readonly responses: Readonly<Record<string, Body>>;
}
interface Document {
  readonly openapi: string;
  readonly servers: readonly { url: string }[];
  readonly tags: readonly { name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Record<string, unknown>>> };
}

let server: TestServer;
let document: Document;
let operations: (Operation & { readonly path: string; readonly method: string })[];
beforeAll(async () => {
  server = await startTestServer();
  await addDataset(server.stores);
  document = (await server.app.inject('/docs/json')).json();
  operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, path, method })),
  );
});
afterAll(() => server.close());

const operation = (id: string) => operations.find(({ operationId }) => operationId === id)!;

/** Every object in a document, and where it lies. */
function* objectsIn(value: unknown, at = '#'): Generator<[string, Record<string, unknown>]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [at, value as Record<string, unknown>];
  for (const [key, inner] of Object.entries(value)) yield* objectsIn(inner, `${at}/${key}`);
}

describe('the document', () => {
  test('names its version, its server and its groups', () => {
    expect(document).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/' }] });
    const groups = document.tags.map(({ name }) => name);
    for (const { tags, summary, path } of operations) {
      expect(summary, path).toMatch(/\S/);
      expect(groups).toEqual(expect.arrayContaining([...tags!]));
    }
  });

  test('every operation has an id of its own that reads as a verb', () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(
      ids.filter(
        (id) =>
          !/^(list|get|create|plan|cancel|accept|register|import|interpolate|read|revoke|delete|collect)[A-Z]\w+$/.test(
            id ?? '',
          ),
      ),
    ).toEqual([]);
  });

  test('every reference leads to a component, every component is used and has a name', () => {
    const names = Object.keys(document.components.schemas);
    const used = new Set<string>();
    for (const [at, { $ref }] of objectsIn(document)) {
      if ($ref === undefined) continue;
      const name = /^#\/components\/schemas\/(\w+)$/.exec(String($ref))?.[1];
      expect(names, `${at}: ${$ref}`).toContain(name);
      used.add(name!);
    }
    expect([...used].sort()).toEqual([...names].sort());
    expect(names.filter((name) => !/^[A-Z][A-Za-z]+$/.test(name))).toEqual([]);
    expect(names).toEqual(
      expect.arrayContaining(['Run', 'RunSpec', 'RunPage', 'Problem', 'ClassifyRequest']),
    );
  });

  test('has no marks, ids or media types of ours left in a schema', () => {
    for (const [at, schema] of objectsIn(document.components.schemas))
      expect(Object.keys(schema), at).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^(\$id|x-.*|contentMediaType)$/)]),
      );
  });

  test('the parameters of a path are those of its operations, and each says what it is', () => {
    for (const { path, parameters = [], operationId } of operations) {
      const inPath = [...path.matchAll(/\{([A-Za-z]\w*)\}/g)].map(([, name]) => name);
      expect(path.replace(/\{[A-Za-z]\w*\}/g, ''), 'a parameter needs a name').not.toMatch(/[{}*:]/);
      const declared = parameters.filter((one) => one.in === 'path');
      expect(declared.map(({ name }) => name).sort(), path).toEqual(inPath.sort());
      expect(declared.every(({ required }) => required)).toBe(true);
      for (const { name, description } of parameters)
        expect(description, `${name} of ${operationId}`).toMatch(/\S/);
    }
  });

  test('every answer has a description and a media type: problems are problems, streams are streams', () => {
    for (const { operationId, responses } of operations) {
      for (const [status, { description, content = {} }] of Object.entries(responses)) {
        expect(description, `${status} of ${operationId}`).not.toBe('Default Response');
        const types = Object.keys(content);
        if (Number(status) >= 400) expect(types).toEqual(['application/problem+json']);
        else expect(types.length > 0, `${status} of ${operationId}`).toBe(status !== '204');
      }
    }
    const typesOf = (id: string) => Object.keys(operation(id).responses['200']!.content!).sort();
    expect(typesOf('listRuns')).toEqual(['application/json']);
    expect(typesOf('listRunEvents')).toEqual(['application/json', 'text/event-stream']);
    expect(typesOf('createPrediction')).toEqual(['application/json', 'text/event-stream']);
    expect(typesOf('readModelFile')).toEqual(['application/json', 'application/octet-stream']);
    expect(typesOf('getMetrics')).toEqual(['text/plain']);
  });
});

describe('examples', () => {
  test.each(
    examples.map(({ schema, values }) => ({ name: (schema as { $id?: string }).$id, schema, values })),
  )('of $name fit their schema', ({ schema, values }) => {
    expect(Object.values(values).length).toBeGreaterThan(0);
    for (const [name, value] of Object.entries(values)) expect(violationsOf(schema, value), name).toEqual([]);
  });

  test('stand at every body of JSON, asked or answered', () => {
    const bodies = operations.flatMap(({ operationId, requestBody, responses }) =>
      [requestBody, ...Object.values(responses)].flatMap((body) =>
        Object.entries(body?.content ?? {})
          .filter(([type]) => type.endsWith('json'))
          .map(([, media]) => ({ operationId, media })),
      ),
    );
    const bare = bodies.filter(({ media }) => !media.examples).map(({ operationId }) => operationId);
    // A file of any JSON.
    expect([...new Set(bare)]).toEqual(['readModelFile']);
  });

  test('of a run are accepted, as they are', async () => {
    const { examples: shown } = operation('createRun').requestBody!.content!['application/json']!;
    expect(Object.keys(shown!).length).toBeGreaterThan(1);
    for (const { value } of Object.values(shown!)) {
      const payload = value as object;
      const plan = await server.app.inject({ method: 'POST', url: '/v1/runs/plan', payload });
      expect([plan.statusCode, plan.body]).toEqual([200, expect.any(String)]);
      const run = await server.app.inject({ method: 'POST', url: '/v1/runs', payload });
      expect([run.statusCode, run.body]).toEqual([201, expect.any(String)]);
    }
  });
});
