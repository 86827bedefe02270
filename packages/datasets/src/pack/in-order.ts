/**
 * Runs `work` on all items, `width` at a time, and yields the results in the items' order. The first failure and an abort end it;
 * what was under way is awaited first, so that nothing is left running.
 */
export async function* inOrder<T, R>(
  items: readonly T[],
  work: (item: T) => Promise<R>,
  { width, signal }: { width: number; signal: AbortSignal | undefined },
): AsyncGenerator<R> {
  const underWay: Promise<PromiseSettledResult<R>>[] = [];
  const start = async (item: T): Promise<PromiseSettledResult<R>> => {
    const [result] = await Promise.allSettled([work(item)]);
    return result;
  };
  let next = 0;
  try {
    while (next < items.length || underWay.length > 0) {
      signal?.throwIfAborted();
      while (next < items.length && underWay.length < width) underWay.push(start(items[next++] as T));
      const result = await (underWay.shift() as Promise<PromiseSettledResult<R>>);
      if (result.status === 'rejected') throw result.reason;
      yield result.value;
    }
  } finally {
    await Promise.all(underWay);
  }
}
