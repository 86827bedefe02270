import { selectBackend, softmaxCrossEntropy, tf } from '@triptych/nn';
import { expect, test } from 'vitest';
import { DecoderBatch } from '../testing/decoder-batch.ts';
import { openCase } from '../testing/golden.ts';
import { nextTokenTargets, rowsAt } from './next-token.ts';

test('the state before a label predicts it; the first label of a text and the last state count for nothing', () => {
  const labels = Int32Array.of(7, -100, 8, 9, -100, 5, -100, 6);
  expect(nextTokenTargets(labels, 2)).toEqual({
    rows: Int32Array.of(1, 2, 4, 6),
    labels: Int32Array.of(8, 9, 5, 6),
  });
});

test('the loss over these rows alone is that of Hugging Face over all', async () => {
  await selectBackend({ backend: 'cpu' });
  const golden = openCase('llama');
  const sample = new DecoderBatch(golden);
  const { rows, labels } = nextTokenTargets(sample.labels, sample.batch);
  const shape = [sample.batch, sample.length, golden.expected('logits').length / sample.ids.length] as const;
  tf.tidy(() => {
    const logits = rowsAt(tf.tensor3d(golden.expected('logits'), [...shape]), rows);
    const { sum, count } = softmaxCrossEntropy(logits, labels);
    expect(sum.dataSync()[0]! / count).toBeCloseTo(golden.expected('loss')[0]!, 5);
  });
});
