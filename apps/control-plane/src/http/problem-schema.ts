/** The problem answers of a route, for its OpenAPI description. */
import { Problem } from '@triptych/protocol';

const described = { ...Problem, description: 'application/problem+json: see /docs/errors' };

export const problems = (...statuses: readonly number[]): Record<number, typeof Problem> =>
  Object.fromEntries([...new Set([...statuses, 403, 500, 503])].map((status) => [status, described]));
