/** A list that comes in pages, as one sequence. */
import type { Call, Connection } from './connection.ts';

export interface ListRequest extends Call {
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
}

/** Every item, in the order of the service. A page is asked for when the one before it has been used up. */
export async function* eachItem<T>(
  connection: Connection,
  request: ListRequest,
): AsyncGenerator<T, void, void> {
  let cursor: string | undefined;
  do {
    const query = { ...request.query, cursor };
    const page = await connection.json<{ items: T[]; nextCursor?: string }>({ ...request, query });
    yield* page.items;
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
