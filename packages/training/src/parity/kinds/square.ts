/** LLaVA's padding: a picture in the middle of a square of one colour (mm_utils.expand2square). */
import type { RgbImage } from '@triptych/datasets';

export function padToSquare({ width, height, data }: RgbImage, colour: readonly number[]): RgbImage {
  const side = Math.max(width, height);
  const [left, top] = [Math.floor((side - width) / 2), Math.floor((side - height) / 2)];
  const square = Uint8Array.from({ length: side * side * 3 }, (_, i) => colour[i % 3]!);
  for (let row = 0; row < height; row++)
    square.set(data.subarray(row * width * 3, (row + 1) * width * 3), ((top + row) * side + left) * 3);
  return { width: side, height: side, data: square };
}
