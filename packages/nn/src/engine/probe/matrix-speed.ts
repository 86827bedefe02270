/** How fast the selected backend multiplies matrices, once it has shown that it does so correctly. */
import assert from 'node:assert';
import { kernels } from '../../kernels/kernels.ts';
import { type Tensor2D, tf } from '../../tensorflow.ts';

/** A product takes about this long: less measures the call, more measures nothing else. */
const LONG_ENOUGH_MS = 15;
const LARGEST = 4096;

/** GFLOP/s of square products over about `seconds`; with 0 seconds, undefined after the check. */
export async function matrixSpeed(seconds: number): Promise<number | undefined> {
  await assertMultiplies(96);
  if (seconds === 0) return undefined;
  let size = 128;
  let took = await timed(size, 1);
  while (took < LONG_ENOUGH_MS && size < LARGEST) {
    size *= 2;
    await timed(size, 1);
    took = await timed(size, 1);
  }
  const count = Math.max(1, Math.round((seconds * 1000) / took));
  return (2 * size ** 3 * count) / (await timed(size, count)) / 1e6;
}

/** `x w^T` for whole numbers of up to 3 bits: exact in float32, and off by one rounding where results are bfloat16. */
async function assertMultiplies(size: number): Promise<void> {
  const [x, w] = [5, 11].map((factor) =>
    Float32Array.from({ length: size * size }, (_, i) => ((i * factor + Math.floor(i / size)) % 15) - 7),
  ) as [Float32Array, Float32Array];
  const product = await multiplied(x, w, size);
  for (let i = 0; i < size * size; i++) {
    let expected = 0;
    const [row, column] = [Math.floor(i / size) * size, (i % size) * size];
    for (let k = 0; k < size; k++) expected += x[row + k]! * w[column + k]!;
    assert(
      Math.abs(product[i]! - expected) <= Math.abs(expected) * 2 ** -8,
      `element ${i} of a known matrix product is ${product[i]}, not ${expected}`,
    );
  }
}

async function multiplied(x: Float32Array, w: Float32Array, size: number): Promise<Float32Array> {
  const product = tf.tidy(() => kernels().linear(tf.tensor2d(x, [size, size]), tf.tensor2d(w, [size, size])));
  const numbers = (await kernels().read(product)).slice();
  product.dispose();
  return numbers;
}

/** Milliseconds for `count` products; one number of the last is read, so that none is still on its way. */
async function timed(size: number, count: number): Promise<number> {
  const [x, w] = [tf.fill([size, size], 0.5), tf.fill([size, size], 0.25)] as [Tensor2D, Tensor2D];
  await Promise.all([x.data(), w.data()]);
  const started = performance.now();
  for (let i = 1; i < count; i++) tf.tidy(() => void kernels().linear(x, w));
  const last = tf.tidy(() => tf.slice(kernels().linear(x, w), [0, 0], [1, 1]));
  await last.data();
  const ms = performance.now() - started;
  tf.dispose([x, w, last]);
  return ms;
}
