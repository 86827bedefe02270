/**
 * The OpenAPI document of the API, made from what the routes say of themselves: a schema with an `$id` becomes a component
 * of that name, with the examples of the protocol, and `contentMediaType` tells which answers are not JSON.
 */
import { STATUS_CODES } from 'node:http';
import swagger, { type SwaggerTransform, type SwaggerTransformObject } from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { examples } from '@triptych/protocol';
import type { TSchema } from 'typebox';
import type { App } from './app.ts';
import { LOGIN_COOKIE } from './login-cookie.ts';
import { withAnyStyle } from './security-headers.ts';

type Schema = Readonly<Record<string, unknown>>;
type Responses = Readonly<Record<string, Schema>>;

/** Must come before the routes. Serves /docs, /docs/json and /docs/yaml. */
export async function documentApi(app: App, version: string): Promise<void> {
  const components = new Components();
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Triptych',
        version,
        description:
          'Distributed fine-tuning with bit-identical results. Errors: <a href="/docs/errors">/docs/errors</a>.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } as { name: string },
      },
      servers: [{ url: '/', description: 'The control plane that serves this document' }],
      components: {
        securitySchemes: {
          token: {
            type: 'http',
            scheme: 'bearer',
            description: 'An API token: Authorization: Bearer trip_...',
          },
          login: {
            ...{ type: 'apiKey', in: 'cookie', name: LOGIN_COOKIE },
            description: 'The cookie that POST /v1/login sets',
          },
        },
      },
      tags: [
        { name: 'runs', description: 'Submit, plan, follow, cancel and delete runs' },
        { name: 'datasets', description: 'What runs train on' },
        { name: 'models', description: 'What runs start from, and what they made' },
        { name: 'predictions', description: 'Ask a model' },
        { name: 'access', description: 'Who may do what, and who did what' },
        { name: 'fleet', description: 'Workers, and the state of the service' },
      ],
    },
    transform: documentRoute,
    transformObject: (document) => withComponents(document, components),
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: withAnyStyle });

  function documentRoute({ schema, url }: Parameters<SwaggerTransform>[0]): ReturnType<SwaggerTransform> {
    if (!schema || schema.hide) return { schema, url };
    const { params, querystring, headers, body, response } = schema as Record<string, Schema | undefined>;
    return {
      // A wildcard has no name, and a parameter must have one.
      url: url.replace('*', ':path'),
      schema: {
        ...schema,
        ...(params && { params: components.within(renamed(params, '*', 'path')) }),
        ...(querystring && { querystring: components.within(querystring) }),
        ...(headers && { headers: components.within(headers) }),
        ...(body && { body: { content: { 'application/json': { schema: components.of(body) } } } }),
        ...(response && { response: documentResponses(response as Responses) }),
      },
    };
  }

  function documentResponses(responses: Responses): Responses {
    return Object.fromEntries(
      Object.entries(responses).map(([status, schema]) => [status, documentResponse(status, schema)]),
    );
  }

  /** A union of which a member has a media type of its own is a choice of the client, by `Accept` or in its body. */
  function documentResponse(status: string, schema: Schema): Schema {
    const { description = STATUS_CODES[status], ...answer } = schema;
    // So that no media type is put there.
    if (status === '204') return { description, type: 'null' };
    const members = (answer['anyOf'] as readonly Schema[] | undefined) ?? [];
    const forms = members.some(({ contentMediaType }) => contentMediaType) ? members : [answer];
    const content = forms.map(({ contentMediaType = 'application/json', ...form }) => [
      contentMediaType,
      { schema: components.of(form) },
    ]);
    const headers = status === '201' && {
      headers: { location: { type: 'string', description: 'Its path' } },
    };
    return { description, ...headers, content: Object.fromEntries(content) };
  }
}

/** Schemas by their `$id`. Where they are used stands a mark, as the plugin would take a reference for one of its own. */
class Components {
  readonly #schemas = new Map<string, Schema>();

  /** The mark of a named schema; an unnamed one with marks in it. */
  of(schema: Schema): Schema {
    const { $id: name } = schema;
    if (typeof name !== 'string') return this.within(schema);
    if (!this.#schemas.has(name)) {
      this.#schemas.set(name, {});
      this.#schemas.set(name, this.within(schema));
    }
    return { [MARK]: name };
  }

  within({ $id: _, ...schema }: Schema): Schema {
    return literalsAsEnum(mapped(schema, (inner) => this.of(inner)));
  }

  get schemas(): Record<string, Schema> {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

const MARK = 'x-component';
const isObject = (value: unknown): value is Schema => typeof value === 'object' && value !== null;

function mapped(schema: Schema, change: (inner: Schema) => Schema): Schema {
  const of = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map((one) => (isObject(one) ? change(one) : one));
    return isObject(value) ? change(value) : value;
  };
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, of(value)]));
}

/** What most generators make a type of its own from. */
function literalsAsEnum(schema: Schema): Schema {
  const { anyOf, ...rest } = schema;
  if (!Array.isArray(anyOf) || anyOf.some((one) => one.const === undefined)) return schema;
  return { ...rest, type: 'string', enum: anyOf.map((one) => one.const) };
}

function renamed(params: Schema, from: string, to: string): Schema {
  const fields = Object.entries(params['properties'] as Schema);
  const required = (params['required'] as readonly string[]).map((name) => (name === from ? to : name));
  const properties = Object.fromEntries(fields.map(([name, field]) => [name === from ? to : name, field]));
  return { ...params, properties, required };
}

const examplesOf: ReadonlyMap<string, Schema> = new Map(
  examples.map(({ schema, values }) => [(schema as TSchema & { $id: string }).$id, values]),
);

function withComponents(
  document: Parameters<SwaggerTransformObject>[0],
  components: Components,
): ReturnType<SwaggerTransformObject> {
  if (!('openapiObject' in document)) return document.swaggerObject;
  const { openapiObject } = document;
  const schemas = components.schemas;
  return linked({
    ...openapiObject,
    components: { ...openapiObject.components, schemas },
  }) as typeof openapiObject;
}

/** References instead of marks, and the examples beside those that are whole bodies. */
function linked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(linked);
  if (!isObject(value)) return value;
  const { [MARK]: name } = value;
  if (typeof name === 'string') return { $ref: `#/components/schemas/${name}` };
  const linkedFields = Object.entries(value).map(([key, inner]) => [key, linked(inner)]);
  const { schema } = value;
  const values = isObject(schema) ? examplesOf.get(String(schema[MARK])) : undefined;
  if (values)
    linkedFields.push([
      'examples',
      Object.fromEntries(Object.entries(values).map(([summary, one]) => [summary, { value: one }])),
    ]);
  return Object.fromEntries(linkedFields);
}
