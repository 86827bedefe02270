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

export const Backend = Type.Union([
  Type.Literal('tensorflow'),
  Type.Literal('webgpu'),
  Type.Literal('wasm'),
  Type.Literal('cpu'),
]);
export type Backend = Static<typeof Backend>;

export const Split = Type.Union([Type.Literal('train'), Type.Literal('validation'), Type.Literal('test')]);
export type Split = Static<typeof Split>;

/** One page of a list; `nextCursor` is opaque and absent on the last page. */
export const PageOf = <T extends TSchema>(item: T) =>
  Type.Object(
    { items: Type.Array(item), nextCursor: Type.Optional(Type.String()) },
    { additionalProperties: false },
  );

export const PageQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500, default: 50 })),
    cursor: Type.Optional(Type.String({ maxLength: 500 })),
  },
  { additionalProperties: false },
);

/** application/problem+json (RFC 9457) with the code of the error table and every violation. */
export const Problem = Type.Object({
  type: Type.String({ description: 'link to the documentation of the code' }),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String(),
  detail: Type.String(),
  instance: Type.Optional(Type.String()),
  violations: Type.Optional(
    Type.Array(
      Type.Object({
        path: Type.String(),
        expected: Type.String(),
        actual: Type.String(),
        remedy: Type.String(),
      }),
    ),
  ),
});
export type Problem = Static<typeof Problem>;
