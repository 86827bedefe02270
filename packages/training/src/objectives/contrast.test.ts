/** Both losses against open_clip's, computed shard by shard with shards of different sizes. */
import { selectBackend, tf } from '@triptych/nn';
import { expect, test } from 'vitest';
import { expectTensor, goldenTensors } from '../testing/golden.ts';
import { Contrast } from './contrast.ts';
import { infoNce } from './infonce/pair-loss.ts';
import { sigLip } from './siglip/pair-loss.ts';

const pairLosses = { infonce: infoNce, siglip: sigLip };

const inputs = goldenTensors('contrastive', 'inputs').tensors;
const expected = goldenTensors('contrastive', 'expected').tensors;
const WIDTH = 24;

function unitRows(name: string): Float32Array {
  const raw = inputs.get(name)!.float32();
  return raw.map((value, i) => value / Math.hypot(...raw.subarray(i - (i % WIDTH), i - (i % WIDTH) + WIDTH)));
}

test.each([
  ['infonce', 'cpu', 'logit_scale'],
  ['siglip', 'cpu', 'siglip_logit_scale'],
  ['infonce', 'wasm', 'logit_scale'],
  ['siglip', 'wasm', 'siglip_logit_scale'],
] as const)('%s on %s equals open_clip', async (kind, backend, scaleName) => {
  await selectBackend({ backend });
  const before = tf.memory().numTensors;
  const sizes = inputs.get('shard_sizes')!.float32();
  const features = {
    images: unitRows('image_features'),
    texts: unitRows('text_features'),
    width: WIDTH,
    logitScale: inputs.get(scaleName)!.float32()[0]!,
    logitBias: kind === 'siglip' ? inputs.get('siglip_logit_bias')!.float32()[0]! : 0,
  };
  const sum = { loss: 0, logitScale: 0, logitBias: 0, images: [] as number[], texts: [] as number[] };
  using contrast = await Contrast.of(features, pairLosses[kind]);
  let start = 0;
  for (const size of sizes) {
    const part = contrast.shard(start, start + size);
    sum.loss += part.loss;
    sum.logitScale += part.logitScale;
    sum.logitBias += part.logitBias;
    sum.images.push(...part.images.dataSync());
    sum.texts.push(...part.texts.dataSync());
    tf.dispose([part.images, part.texts]);
    start += size;
  }
  const check = (what: string, actual: ArrayLike<number>) =>
    expectTensor(what, actual, {
      expected: expected.get(`${kind}.${what}`)!.float32(),
      relative: 1e-5,
      absolute: 1e-7,
    });
  check('loss', [sum.loss]);
  check('grad.logit_scale', [sum.logitScale]);
  check('grad.image_normalised', sum.images);
  check('grad.text_normalised', sum.texts);
  if (kind === 'siglip') check('grad.logit_bias', [sum.logitBias]);
  contrast[Symbol.dispose]();
  expect(tf.memory().numTensors).toBe(before);
});

test('two pairs by hand: equal logits lose ln 2 each way, and pull the pairs together', () => {
  const { lossOfRow, gradient } = infoNce(new Float32Array(4), 2);
  expect(lossOfRow[0]! + lossOfRow[1]!).toBeCloseTo(Math.LN2, 12);
  // (1/2 + 1/2 - 2) / 4 on the diagonal, (1/2 + 1/2) / 4 beside it.
  expect([...gradient]).toEqual([-0.25, 0.25, 0.25, -0.25]);
});

test('one pair by hand: the sigmoid loss of logit 0 is ln 2, its derivative -1/2', () => {
  const { lossOfRow, gradient } = sigLip(new Float32Array(1), 1);
  expect(lossOfRow[0]).toBeCloseTo(Math.LN2, 12);
  expect(gradient[0]).toBe(-0.5);
});

test('huge logits overflow in neither loss', () => {
  const logits = Float32Array.of(-900, 900, 900, -900);
  expect(infoNce(logits, 2).lossOfRow[0]).toBeCloseTo(900, 6);
  expect(sigLip(logits, 2).lossOfRow[0]).toBeCloseTo(900, 6);
});
