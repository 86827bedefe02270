/** Which numbers of many are the largest. */
import { TriptychError } from '@triptych/protocol';

/** The places of the `count` largest numbers, the largest first; of equals the earlier. NaN is never among them. */
export function largest(values: Float32Array, count: number): number[] {
  const places: number[] = [];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) continue;
    if (places.length === count) {
      if (value <= values[places[count - 1]!]!) continue;
      places.pop();
    }
    let low = 0;
    let high = places.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (values[places[middle]!]! >= value) low = middle + 1;
      else high = middle;
    }
    places.splice(low, 0, i);
  }
  if (places.length === 0) throw notNumbers();
  return places;
}

/** The place of the largest number, of equals the first. */
export function argmax(values: Float32Array): number {
  let best = -1;
  let maximum = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++)
    if (values[i]! > maximum) {
      maximum = values[i]!;
      best = i;
    }
  if (best < 0) throw notNumbers();
  return best;
}

export const notNumbers = (): TriptychError =>
  new TriptychError(
    'MODEL_INVALID',
    'the logits of the model are not numbers, there is no next token; use weights from before training diverged',
  );
