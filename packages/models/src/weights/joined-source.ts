/** Several sources as one: the first that has a name gives it. */
import type { WeightSource } from './weight-source.ts';

export const joinedSource = (...sources: readonly WeightSource[]): WeightSource => ({
  has: (name) => sources.some((source) => source.has(name)),
  async read(name) {
    const source = sources.find((one) => one.has(name));
    if (!source) throw new RangeError(`no source has ${name}`);
    return await source.read(name);
  },
});
