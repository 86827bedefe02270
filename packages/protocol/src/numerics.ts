/**
 * How a worker computes: everything that decides the last bits of what it makes of the same numbers, pictures and texts. Settings
 * where they are the reason, and the hashes of a canary (a fixed piece of work) for what no setting names: the kind of CPU, the
 * version of Node or of a picture library, a driver. Two workers with one digest give the same bits; that is all a digest says.
 */
import { createHash } from 'node:crypto';
import { type Static, Type } from 'typebox';
import { TriptychError } from './errors.ts';
import { Text } from './text.ts';
import { Backend } from './vocabulary.ts';

const Digest = (description: string) => Type.String({ pattern: '^[0-9a-f]{12}$', description });

const facts = {
  backend: Backend,
  device: Text({ maxLength: 200, description: '`cpu`, or the name of a GPU' }),
  gemm: Text({ minLength: 1, maxLength: 100, description: 'Who multiplies matrices' }),
  precision: Text({ minLength: 1, maxLength: 100, description: 'Of the factors of matrix products' }),
  threads: Type.Integer({
    minimum: 1,
    maximum: 4096,
    description: 'Of one operation: kernels that split a product by threads round differently at the seams',
  }),
  version: Text({ minLength: 1, maxLength: 100, description: 'Of Triptych' }),
  libraries: Text({ maxLength: 500, description: 'Versions of the libraries that multiply' }),
  arithmetic: Digest('Of what the engine makes of fixed numbers'),
  pictures: Digest('Of fixed pictures, decoded and resized'),
  text: Digest('Of what the text rules make of all characters, and of a fixed text in tokens'),
};

const closed = { additionalProperties: false } as const;

export const NumericsFacts = Type.Object(facts, closed);
export type NumericsFacts = Static<typeof NumericsFacts>;

export const Numerics = Type.Object(
  { digest: Digest('Of everything below: equal for workers that give the same bits'), ...facts },
  { ...closed, $id: 'Numerics' },
);
export type Numerics = Static<typeof Numerics>;

const fields = Object.keys(facts) as (keyof NumericsFacts)[];

/** The digest is never sent: whoever gets the facts makes it anew. What else `said` has is left out. */
export function numericsOf(said: NumericsFacts): Numerics {
  const entries = fields.map((field) => [field, said[field]] as const);
  const digest = createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 12);
  return { digest, ...(Object.fromEntries(entries) as NumericsFacts) };
}

/** What `other` has differently, as `gemm=own` for each field; canaries only where no setting explains them. */
export function numericsDifference(
  one: NumericsFacts,
  other: NumericsFacts,
): { readonly one: string; readonly other: string } | undefined {
  const differing = fields.filter((field) => one[field] !== other[field]);
  const shown = explained(differing);
  if (shown.length === 0) return undefined;
  const say = (of: NumericsFacts) => shown.map((field) => `${field}=${of[field]}`).join(', ');
  return { one: say(one), other: say(other) };
}

/** @throws TriptychError OTHER_NUMERICS where the run has begun on workers that compute otherwise than this one. */
export function assertComputesLike(expected: NumericsFacts, own: NumericsFacts): void {
  const difference = numericsDifference(expected, own);
  if (difference)
    throw new TriptychError(
      'OTHER_NUMERICS',
      `The run needs ${difference.one}, this worker has ${difference.other}`,
    );
}

/** An engine that is set up differently computes differently: that it does needs no saying. */
function explained(differing: readonly (keyof NumericsFacts)[]): readonly (keyof NumericsFacts)[] {
  const isExplained = differing.some((field) => engineFields.has(field));
  return differing.filter((field) => field !== 'arithmetic' || !isExplained);
}

const engineFields: ReadonlySet<string> = new Set([
  'backend',
  'device',
  'gemm',
  'precision',
  'threads',
  'libraries',
]);
