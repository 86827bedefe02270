/** Published files use one id several times, that of the image: the second becomes `id#2`. Keep one for all files of a dataset. */
export function uniqueIds(): (id: unknown, otherwise: string) => string {
  const times = new Map<string, number>();
  return (id, otherwise) => {
    const isGiven = (typeof id === 'string' && id.trim() !== '') || Number.isFinite(id);
    const name = isGiven ? String(id) : otherwise;
    const count = (times.get(name) ?? 0) + 1;
    times.set(name, count);
    return count === 1 ? name : `${name}#${count}`;
  };
}
