/** Random initial weights as a source: each is drawn when it is asked for, from a stream named after it. */
import { random } from '@triptych/nn';
import type { NamedShape } from '../catalog/parameter-tensor.ts';
import { type Draw, fillDrawn } from './drawn-weights.ts';
import type { WeightSource } from './weight-source.ts';

export function drawnSource(
  parameters: readonly NamedShape[],
  { seed, drawOf }: { readonly seed: number; readonly drawOf: (name: string) => Draw },
): WeightSource {
  const shapes = new Map(parameters.map(({ name, shape }) => [name, shape]));
  return {
    has: (name) => shapes.has(name),
    async read(name) {
      const shape = shapes.get(name);
      if (!shape) throw new RangeError(`there is no parameter ${name}`);
      const data = new Float32Array(shape.reduce((product, extent) => product * extent, 1));
      fillDrawn(data, drawOf(name), random(seed, 'weights', name));
      return { shape, dtype: 'F32', data };
    },
  };
}
