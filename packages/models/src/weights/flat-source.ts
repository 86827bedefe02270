/** A flat vector of all parameters as a source. */
import type { ParameterLayout } from '@triptych/nn';
import type { WeightSource } from './weight-source.ts';

export function flatSource(layout: ParameterLayout, flat: Float32Array): WeightSource {
  const places = new Map([...layout.named()].map((place) => [place.name, place]));
  return {
    has: (name) => places.has(name),
    async read(name) {
      const place = places.get(name);
      if (!place) throw new RangeError(`there is no parameter ${name}`);
      const { shape, offset, length } = place;
      return { shape, dtype: 'F32', data: flat.subarray(offset, offset + length) };
    },
  };
}
