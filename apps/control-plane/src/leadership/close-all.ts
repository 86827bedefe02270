export type Close = () => void | Promise<void>;

/** The last opened first. One that fails does not keep the others from closing. */
export async function closeAll(closers: Close[]): Promise<void> {
  const failures: unknown[] = [];
  for (let close = closers.pop(); close; close = closers.pop()) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be closed');
}
