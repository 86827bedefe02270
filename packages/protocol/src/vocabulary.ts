/** Small schemas that the others share: names, hashes, times, paging. */
import { type Static, type TSchema, Type } from 'typebox';

export const Id = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9][A-Za-z0-9_-]*$' });
export const Name = Type.String({
  minLength: 1,
  maxLength: 100,
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  description: 'Letters, digits, dot, dash and underscore; unique',
});
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'sha256 of the content, hex' });
/** Steps, samples and events are counted as far as a column of the record can. */
export const MAX_COUNT = 2_147_483_647;
export const Timestamp = Type.String({ format: 'date-time' });

/** For parameters of a path: what a list shows as id, or the name that a user gave. */
export const IdOrName = (what: string) => Type.String({ ...Name, description: `Id or name of ${what}` });

export const Backend = Type.Union(
  [Type.Literal('tensorflow'), Type.Literal('webgpu'), Type.Literal('wasm'), Type.Literal('cpu')],
  { $id: 'Backend' },
);
export type Backend = Static<typeof Backend>;

export const Split = Type.Union([Type.Literal('train'), Type.Literal('validation'), Type.Literal('test')], {
  $id: 'Split',
});
export type Split = Static<typeof Split>;

/** One page of a list; `nextCursor` is opaque and absent on the last page. */
export const PageOf = <T extends TSchema>(item: T, $id: string) =>
  Type.Object(
    {
      items: Type.Array(item),
      nextCursor: Type.Optional(
        Type.String({ description: 'Send it as `cursor` for the next page; absent on the last one' }),
      ),
    },
    { additionalProperties: false, $id },
  );

export const PageQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 500, default: 50, description: 'Items on this page, at most' }),
    ),
    cursor: Type.Optional(
      Type.String({ maxLength: 500, description: '`nextCursor` of the page before; absent: the first page' }),
    ),
  },
  { additionalProperties: false },
);

/** A field that is wrong, as errors tell of it. */
export const ViolationReport = Type.Object(
  {
    path: Type.String({ description: 'JSON pointer into the input; empty: the whole' }),
    expected: Type.String(),
    actual: Type.String(),
    remedy: Type.String(),
  },
  { $id: 'Violation' },
);

/** application/problem+json (RFC 9457) with the code of the error table and every violation. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: 'link to the documentation of the code' }),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Of the table at /docs/errors' }),
    detail: Type.String({ description: 'What is wrong this time, and what to do' }),
    instance: Type.Optional(Type.String()),
    violations: Type.Optional(Type.Array(ViolationReport, { description: 'Every field that is wrong' })),
  },
  { $id: 'Problem' },
);
export type Problem = Static<typeof Problem>;
