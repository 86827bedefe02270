/**
 * Random initial weights. Every parameter has a random stream of its own, named after it, so that a weight depends on
 * seed, name and shape alone. Which distribution each has is the architectures' business.
 */
import { type ParameterLayout, type RandomStream, random } from '@triptych/nn';

export type Draw =
  | { readonly kind: 'constant'; readonly value: number }
  | { readonly kind: 'normal'; readonly deviation: number }
  | { readonly kind: 'uniform'; readonly bound: number };

export const constant = (value: number): Draw => ({ kind: 'constant', value });
export const normal = (deviation: number): Draw => ({ kind: 'normal', deviation });
export const uniform = (bound: number): Draw => ({ kind: 'uniform', bound });

/** The flat parameter buffer of the layout: the same for the same seed. */
export function drawWeights(
  layout: ParameterLayout,
  seed: number,
  drawOf: (name: string) => Draw,
): Float32Array {
  const flat = new Float32Array(layout.length);
  for (const { name, offset, length } of layout.named())
    fillDrawn(flat.subarray(offset, offset + length), drawOf(name), random(seed, 'weights', name));
  return flat;
}

export function fillDrawn(target: Float32Array, draw: Draw, stream: RandomStream): void {
  if (draw.kind === 'constant') target.fill(draw.value);
  else
    for (let i = 0; i < target.length; i++)
      target[i] =
        draw.kind === 'normal' ? draw.deviation * stream.normal() : draw.bound * (2 * stream.uniform() - 1);
}
