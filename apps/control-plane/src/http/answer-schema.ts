/** The answers of a route, for its OpenAPI description. */
import { STATUS_CODES } from 'node:http';
import { Problem } from '@triptych/protocol';
import { type TSchema, Type } from 'typebox';

export const PROBLEM_TYPE = 'application/problem+json';

export const problems = (...statuses: readonly number[]): Record<number, typeof Problem> =>
  Object.fromEntries([...new Set([...statuses, 403, 500, 503])].map((status) => [status, problem(status)]));

const problem = (status: number): typeof Problem => ({
  ...described(Problem, `${STATUS_CODES[status]}; what its code means is at /docs/errors`),
  ...{ contentMediaType: PROBLEM_TYPE },
});

/** Of a request after which there is nothing to tell. */
export const nothing = (description: string) => Type.Unsafe<undefined>({ ...Type.Null(), description });

/** What this answer says, where its status does not. */
export const described = <T extends TSchema>(schema: T, description: string): T => ({
  ...schema,
  description,
});
