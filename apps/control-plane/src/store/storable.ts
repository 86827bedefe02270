/**
 * Text of others (a worker's message, a name in a report) on its way into Postgres, which takes neither U+0000 nor half of a
 * surrogate pair: both become U+FFFD, so that no run is lost to a character that nobody can read anyway.
 */
export const storableText = (text: string): string =>
  text.replaceAll(/\p{Surrogate}/gu, '\uFFFD').replaceAll('\0', '\uFFFD');

/** A copy of plain data with {@link storableText} in every string and key. */
export function storable<T>(value: T): T {
  if (typeof value === 'string') return storableText(value) as T;
  if (Array.isArray(value)) return value.map(storable) as T;
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [storableText(key), storable(one)]),
  ) as T;
}
