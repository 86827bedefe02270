/** What is special about a GPU: sums in a fixed order, and faults that do not stay on the side. */
import { describe, expect, it } from 'vitest';
import { random, selectBackend, tf } from '../../index.ts';
import { presentBackends } from '../../testing/backends.ts';
import { noise, tidily, values } from '../../testing/numeric.ts';
import { portable } from '../portable/portable.ts';
import { scatterRows } from './scatter-rows.ts';

const [webgpu] = await presentBackends(['webgpu']);
const start = async () => webgpu?.start();

describe.skipIf(webgpu === undefined)('webgpu', () => {
  it('adds the rows of an id in order of appearance: the bits of the oracle', async () => {
    const count = 700;
    const ids = Int32Array.from({ length: count }, (_, i) => (i * i) % 23);
    const stream = random(3, 'dy');
    // Of sizes so different that another order gives other bits.
    const dy = Float32Array.from({ length: count * 5 }, () => stream.normal() * 10 ** stream.integer(6));
    const sums = (scatter: typeof scatterRows) =>
      tidily(() => values(scatter(tf.tensor2d(dy, [count, 5]), tf.tensor1d(ids, 'int32'), 30)));
    await selectBackend({ backend: 'cpu' });
    const expected = await sums(portable.scatterRows);
    await start();
    expect(await sums(scatterRows)).toStrictEqual(expected);
  });

  it('refuses a software adapter that nobody allowed', async () => {
    const { device } = (await start()) as { device: string };
    const unasked = selectBackend({ backend: 'webgpu' });
    if (!device.startsWith('software: ')) await expect(unasked).resolves.toMatchObject({ device });
    else
      await expect(unasked).rejects.toMatchObject({
        code: 'BACKEND_UNAVAILABLE',
        message: expect.stringMatching(/only software: .*TRIPTYCH_ALLOW_SOFTWARE_GPU=1/),
      });
  });

  it('has the same bits whether or not its operands have been on the GPU before', async () => {
    await start();
    await tidily(async () => {
      const x = noise('x', [40, 50]);
      const first = await values(tf.softmax(x));
      await values(tf.square(x));
      expect(await values(tf.softmax(x))).toStrictEqual(first);
    });
  });

  it('multiplies along a long side with the same bits again and again', async () => {
    await start();
    await tidily(async () => {
      const [a, b] = [noise('a', [4100, 16]), noise('b', [4100, 24])];
      const product = () => values(tf.matMul(a, b, true, false));
      const first = await product();
      for (let again = 0; again < 3; again++) expect(await product()).toStrictEqual(first);
    });
  });

  // The last one: a device that failed is not used again.
  it('fails every read after a tensor that is too large for the device, instead of reading zeros', async () => {
    await start();
    const before = tf.memory().numTensors;
    await tidily(async () => {
      const tooLarge = values(tf.sum(tf.fill([1 << 20, 1 << 13], 1)));
      await expect(tooLarge).rejects.toMatchObject({
        code: 'OUT_OF_MEMORY',
        message: expect.stringContaining('raise batch.shards'),
      });
      await expect(values(tf.square(tf.scalar(3)))).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
