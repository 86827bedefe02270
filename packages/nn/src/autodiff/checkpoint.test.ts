import { beforeAll, describe, expect, it } from 'vitest';
import {
  attention,
  checkpoint,
  gelu,
  layerNorm,
  linear,
  ParameterLayout,
  Parameters,
  record,
  residual,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  tf,
} from '../index.ts';
import { kernels, useKernels } from '../kernels/kernels.ts';
import { presentBackends } from '../testing/backends.ts';
import { noise, tidily, values } from '../testing/numeric.ts';

const numbers = async (tensors: readonly Tensor[]) =>
  (await Promise.all(tensors.map(values))).map((each) => [...each]);

type Block = Record<'x' | 'gain' | 'shift' | 'qkv' | 'bias' | 'out', Tensor>;

const block = ({ x, gain, shift, qkv, bias, out }: Block): Tensor => {
  const normed = layerNorm(x, gain, shift);
  const attended = attention(linear(normed, qkv as Tensor2D, bias as Tensor1D) as Tensor3D, {
    heads: 2,
    mask: 'causal',
  });
  return residual(x, linear(gelu(attended, 'gelu'), out as Tensor2D));
};

const weightsOf = (layer: number): Omit<Block, 'x'> => ({
  gain: noise(`gain ${layer}`, [8]),
  shift: noise(`shift ${layer}`, [8]),
  qkv: noise(`qkv ${layer}`, [24, 8]),
  bias: noise(`bias ${layer}`, [24]),
  out: noise(`out ${layer}`, [8, 8]),
});

describe.each(await presentBackends(['cpu', 'wasm', 'webgpu']))('a checkpoint on $name', ({ start }) => {
  beforeAll(start);

  it('gives the bits of the plain forward pass and of its gradients, nested too, and leaves nothing', async () => {
    const before = tf.memory();
    await tidily(async () => {
      const x = noise('x', [3, 5, 8]);
      const layers = [0, 1, 2].map(weightsOf);
      const inputs = [x, ...layers.flatMap((layer) => Object.values(layer))];
      const dy = noise('dy', [3, 5, 8]);
      const gradientsWith = async (run: (inputs: Block) => Tensor) => {
        using recording = record(inputs, () => [layers.reduce((y, layer) => run({ x: y, ...layer }), x)]);
        return await numbers([
          ...recording.outputs,
          ...recording.backward([dy]),
          ...recording.backward([dy]),
        ]);
      };
      const plain = await gradientsWith(block);
      expect(await gradientsWith((given) => checkpoint(given, block))).toEqual(plain);
      const nested = (given: Block) => checkpoint(given, (inner) => checkpoint(inner, block));
      expect(await gradientsWith(nested)).toEqual(plain);
    });
    const after = tf.memory();
    expect([after.numTensors, after.numBytes]).toEqual([before.numTensors, before.numBytes]);
  });

  it('keeps its inputs and nothing else', () => {
    tf.tidy(() => {
      const given = { x: noise('x', [3, 5, 8]), ...weightsOf(0) };
      const before = tf.memory().numDataBuffers;
      using recording = record([given.x], () => [checkpoint(given, block)]);
      expect(recording.outputs.length).toBe(1);
      expect(tf.memory().numDataBuffers - before).toBe(1);
    });
  });

  it('runs again once for all wanted gradients, and computes no other', () => {
    tf.tidy(() => {
      const given = { x: noise('x', [3, 5, 8]), ...weightsOf(0) };
      const active = kernels();
      const calls = { linear: 0, weightGradient: 0 };
      useKernels({
        ...active,
        linear: (...inputs) => {
          calls.linear++;
          return active.linear(...inputs);
        },
        linearWeightGradient: (dy, x) => {
          calls.weightGradient++;
          return active.linearWeightGradient(dy, x);
        },
      });
      using recording = record([given.x, given.out, given.gain], () => [checkpoint(given, block)]);
      recording.backward([noise('dy', [3, 5, 8])]);
      useKernels(active);
      expect(calls).toEqual({ linear: 4, weightGradient: 1 });
    });
  });

  it('computes with the numbers that its inputs had, whatever parameters hold by then', async () => {
    await tidily(async () => {
      const spec = { key: 'w', shape: [1, 1], parts: [{ name: 'w', shape: [1, 1] }], decay: true };
      using parameters = new Parameters(new ParameterLayout([spec]), Float32Array.of(3));
      const x = tf.tensor2d([[5]]);
      using recording = record([x, parameters.tensor('w')], () => [
        checkpoint({ x, w: parameters.tensor('w') }, ({ x, w }) => tf.square(linear(x, w as Tensor2D))),
      ]);
      parameters.flat[0] = 4;
      parameters.upload();
      // d (w x)^2: 2 w^2 x and 2 w x^2.
      expect(await numbers(recording.backward([tf.tensor2d([[1]])]))).toEqual([[90], [150]]);
    });
  });

  it('refuses a tensor that it was not given, since its gradient would be lost, and takes constants', () => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const [x, w] = [noise('x', [3, 4]), noise('w', [4, 4]) as Tensor2D];
      const backward = (forward: (x: Tensor) => Tensor) => {
        using recording = record([x, w], () => [checkpoint({ x }, (given) => forward(given.x))]);
        return recording.backward([noise('dy', [3, 4])]);
      };
      expect(() => backward((given) => linear(given, w))).toThrow(
        'uses tensors of shape [4,4] from outside; pass them in its inputs',
      );
      expect(() => backward(() => tf.mul(2, x))).toThrow('uses tensors of shape [3,4]');
      expect(() => backward((given) => tf.add(given, tf.ones([3, 4])))).not.toThrow();
      expect(() => checkpoint({ x, y: x }, ({ x, y }) => tf.add(x, y))).toThrow('given twice');
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('costs nothing outside a recording', async () => {
    await tidily(async () => {
      const given = { x: noise('x', [3, 5, 8]), ...weightsOf(0) };
      expect(await numbers([checkpoint(given, block)])).toEqual(await numbers([block(given)]));
    });
  });
});
