import { beforeAll, describe, expect, it } from 'vitest';
import { drainInto, gradientsInto, ParameterLayout, Parameters, tf } from '../index.ts';
import { presentBackends } from '../testing/backends.ts';

const layout = new ParameterLayout([
  { key: 'scale', shape: [], parts: [{ name: 'logit_scale', shape: [] }], decay: false },
  {
    key: 'qkv',
    shape: [6, 2],
    parts: ['q', 'k', 'v'].map((name) => ({ name: `attention.${name}.weight`, shape: [2, 2] })),
    decay: true,
  },
]);

it('places named parameters one after the other in the flat vector', () => {
  expect(layout.length).toBe(13);
  expect([...layout.named()]).toEqual([
    { name: 'logit_scale', shape: [], offset: 0, length: 1, decay: false },
    { name: 'attention.q.weight', shape: [2, 2], offset: 1, length: 4, decay: true },
    { name: 'attention.k.weight', shape: [2, 2], offset: 5, length: 4, decay: true },
    { name: 'attention.v.weight', shape: [2, 2], offset: 9, length: 4, decay: true },
  ]);
  expect(layout.spec('qkv').offset).toBe(1);
});

it('refuses parts that do not fill their tensor, keys used twice and unknown keys', () => {
  const spec = { key: 'a', shape: [3], parts: [{ name: 'a', shape: [2] }], decay: true };
  expect(() => new ParameterLayout([spec])).toThrow('the parts of a have 2 of 3 floats');
  const whole = { ...spec, shape: [2] };
  expect(() => new ParameterLayout([whole, whole])).toThrow('share a key');
  expect(() => layout.spec('b')).toThrow('no parameter tensor b');
});

describe.each(await presentBackends(['cpu', 'wasm', 'webgpu']))('on $name', ({ start }) => {
  beforeAll(start);

  it('shows the flat vector as tensors, changed only by upload, and frees them', async () => {
    const before = tf.memory().numTensors;
    const parameters = new Parameters(
      layout,
      Float32Array.from({ length: 13 }, (_, i) => i),
    );
    const qkv = parameters.tensor('qkv');
    expect(qkv.shape).toEqual([6, 2]);
    parameters.flat.fill(-1);
    expect([...(await qkv.data())]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    parameters.upload();
    expect(parameters.tensor('qkv')).toBe(qkv);
    expect(new Set(await qkv.data())).toEqual(new Set([-1]));
    parameters.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('collects gradients into a flat vector', async () => {
    const gradients = [tf.scalar(7), tf.range(0, 12).reshape([6, 2])];
    const out = new Float32Array(13);
    await gradientsInto(gradients, layout, out);
    expect([...out]).toEqual([7, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    await expect(gradientsInto([gradients[1]!, gradients[0]!], layout, out)).rejects.toThrow('scale');
    out.fill(0);
    const drained = gradients.map((gradient, input) => ({ input, gradient })).reverse();
    await drainInto(drained, layout, out);
    expect([...out]).toEqual([7, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(gradients.every(({ isDisposed }) => isDisposed)).toBe(true);
    await expect(drainInto([], layout, out)).rejects.toThrow('2 of 2 gradients did not come');
  });
});
