/** A token table with its last rows in a tensor of their own, against the whole table. */
import { random, record, selectBackend, tf } from '@triptych/nn';
import { describe, expect, test } from 'vitest';
import { llamaPresets } from '../catalog/llama-presets.ts';
import { expectTensor, sameBits } from '../testing/golden.ts';
import { weightsOf } from '../transformer/weights.ts';
import { Llama } from './llama.ts';
import { embedTokens, tokenLogits } from './token-table.ts';

const [tokens, old, width] = [11, 8, 6];
const numbers = (name: string, length: number) => {
  const stream = random(5, name);
  return Float32Array.from({ length }, () => stream.normal());
};

describe.each(['cpu', 'wasm'] as const)('on %s', (backend) => {
  test('embeddings, logits of a tied head, and all gradients are those of one table', async () => {
    await selectBackend({ backend });
    const results = (split: boolean) =>
      tf.tidy(() => {
        const table = tf.tensor2d(numbers('table', tokens * width), [tokens, width]);
        const parts = split ? tf.split(table, [old, tokens - old]) : [table];
        const [rows, newRows] = parts as [tf.Tensor2D, tf.Tensor2D?];
        using recording = record(parts, () => {
          const whole = newRows === undefined ? { rows } : { rows, newRows };
          const ids = tf.tensor2d([0, 8, 3, 7, 10, 8], [2, 3], 'int32');
          const embeddings = embedTokens(ids, whole);
          return [embeddings, tokenLogits(tf.square(embeddings), whole)];
        });
        const seeds = recording.outputs.map(({ shape, size }, i) =>
          tf.tensor(numbers(`seed ${i}`, size), shape),
        );
        const gradients = tf.concat(recording.backward(seeds) as tf.Tensor2D[]);
        return [...recording.outputs, gradients].map((tensor) => tensor.dataSync<'float32'>().slice());
      }) as [Float32Array, Float32Array, Float32Array];
    const [one, two] = [results(false), results(true)];
    expect(sameBits(one[0], two[0])).toBe(true);
    // Products of other shapes add in another order.
    const close = { relative: 1e-6, absolute: 0 };
    expectTensor('logits', two[1], one[1], close);
    expectTensor('gradients', two[2], one[2], close);
  });
});

test('a decoder with a head of its own takes no logits from the table', async () => {
  await selectBackend({ backend: 'cpu' });
  const { hidden_size } = llamaPresets['llama-tiny'];
  tf.tidy(() => {
    const head = tf.ones<tf.Rank.R2>([3, hidden_size]);
    const weights = { tensor: (key: string) => (key === 'lm_head.weight' ? head : undefined) };
    const llama = new Llama(llamaPresets['llama-tiny'], weightsOf(weights as never), {
      newTokenRows: 'rows',
    });
    expect([...llama.logits(tf.ones([1, hidden_size])).dataSync()]).toEqual([64, 64, 64]);
  });
});
