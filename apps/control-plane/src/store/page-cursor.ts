/**
 * Keyset paging, newest first: a cursor is the (createdAt, id) of the last item, so that a page stays right while rows
 * arrive. Its text is opaque to clients.
 */
import { invalidInput, show } from '@triptych/protocol';

export const DEFAULT_LIMIT = 50;

export interface PageRequest {
  readonly limit?: number;
  readonly cursor?: string;
}

interface Position {
  readonly createdAt: Date;
  readonly id: string;
}

export const newestFirst: [{ createdAt: 'desc' }, { id: 'desc' }] = [{ createdAt: 'desc' }, { id: 'desc' }];

/** The condition for rows after the cursor. `INVALID_INPUT` where the cursor is not one of ours. */
export function after(cursor: string | undefined) {
  if (cursor === undefined) return {};
  const { createdAt, id } = decode(cursor);
  return { OR: [{ createdAt: { lt: createdAt } }, { createdAt, id: { lt: id } }] };
}

/** Turns up to `limit + 1` rows into a page; the extra row only tells that there is more. */
export function pageOf<Row extends Position, Item>(
  rows: readonly Row[],
  options: { limit: number; item: (row: Row) => Item },
): { items: Item[]; nextCursor?: string } {
  const shown = rows.slice(0, options.limit);
  const last = shown.at(-1);
  return {
    items: shown.map(options.item),
    ...(last && rows.length > options.limit ? { nextCursor: encode(last) } : {}),
  };
}

const encode = ({ createdAt, id }: Position): string =>
  Buffer.from(`${createdAt.getTime()}.${id}`).toString('base64url');

function decode(cursor: string): Position {
  const [, milliseconds, id] =
    /^(\d{1,13})\.([\w-]{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (milliseconds === undefined || id === undefined)
    throw invalidInput('query', [
      {
        path: '/cursor',
        expected: 'the nextCursor of a page',
        actual: show(cursor),
        remedy: 'leave it out to start at the first page',
      },
    ]);
  return { createdAt: new Date(Number(milliseconds)), id };
}
