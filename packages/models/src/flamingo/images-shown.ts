/** How many images a text has shown up to each of its tokens: what its cross-attention sees depends on nothing else. */
import { TriptychError } from '@triptych/protocol';

/** Of `ids` [batch, T]: for every position, the `<image>` tokens up to and with it. */
export function imagesShown(ids: Int32Array, batch: number, imageToken: number): Int32Array {
  const length = ids.length / batch;
  const counts = new Int32Array(ids.length);
  for (let i = 0, shown = 0; i < ids.length; i++) {
    if (i % length === 0) shown = 0;
    if (ids[i] === imageToken) shown++;
    counts[i] = shown;
  }
  return counts;
}

/** @throws TriptychError INVALID_INPUT naming every text that shows more images than it has slots for. */
export function assertImagesSuffice(counts: Int32Array, batch: number, images: number): void {
  const length = counts.length / batch;
  const excess = Array.from({ length: batch }, (_, text) => ({
    text,
    shown: counts[(text + 1) * length - 1]!,
  }))
    .filter(({ shown }) => shown > images)
    .map(({ text, shown }) => `text ${text} shows ${shown}`);
  if (excess.length === 0) return;
  const message = `${images} images were given for each text, but ${excess.join(', ')}`;
  throw new TriptychError('INVALID_INPUT', `${message}; give the images, or remove their <image> tokens`);
}
