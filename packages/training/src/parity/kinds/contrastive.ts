/** Contrastive losses on given features, shard by shard, with their gradients. */
import { type GoldenCase, integersOf, l2Normalize, linear, record, type Tensor2D, tf } from '@triptych/nn';
import { Contrast, type GlobalFeatures } from '../../objectives/contrast.ts';
import { infoNce } from '../../objectives/infonce/pair-loss.ts';
import { sigLip } from '../../objectives/siglip/pair-loss.ts';
import { statedTolerance } from '../case-tolerance.ts';
import { numbersOf } from '../check.ts';
import { ExpectedResults } from '../expected-results.ts';
import { hasInputs, type ParityKind } from '../kind.ts';

const pairLosses = { infonce: infoNce, siglip: sigLip } as const;

export const contrastive: ParityKind = {
  name: 'contrastive',
  recognises: (golden) =>
    hasInputs(golden, 'image_features', 'text_features', 'logit_scale') && golden.has('expected.safetensors'),
  async check(golden) {
    const expected = new ExpectedResults(golden);
    for (const objective of ['infonce', 'siglip'] as const)
      if (expected.names(new RegExp(`^${objective}\\.`)).length > 0)
        await checkLoss(golden, { objective, expected });
    return expected.checks();
  },
};

async function checkLoss(
  golden: GoldenCase,
  {
    objective,
    expected,
  }: { readonly objective: keyof typeof pairLosses; readonly expected: ExpectedResults },
): Promise<void> {
  const inputs = golden.tensors('inputs.safetensors').tensors;
  const tolerance = statedTolerance(golden.about, 'forward');
  const [rows, width] = inputs.get('image_features')!.shape as [number, number];
  const scalar = (name: string) => inputs.get(name)?.float32()[0];
  const sigmoid = objective === 'siglip';
  const logitScale = scalar(sigmoid ? 'siglip_logit_scale' : 'logit_scale')!;
  const logitBias = sigmoid ? scalar('siglip_logit_bias')! : 0;
  const sizes = inputs.has('shard_sizes') ? [...integersOf(inputs.get('shard_sizes')!)] : [rows];
  const [images, texts] = ['image_features', 'text_features'].map((name) =>
    tf.tensor2d(inputs.get(name)!.float32(), [rows, width]),
  ) as [Tensor2D, Tensor2D];
  using recording = record([images, texts], () => [l2Normalize(images), l2Normalize(texts)]);
  const [unitImages, unitTexts] = recording.outputs as [Tensor2D, Tensor2D];
  const features: GlobalFeatures = {
    images: Float32Array.from(await unitImages.data<'float32'>()),
    texts: Float32Array.from(await unitTexts.data<'float32'>()),
    ...{ width, logitScale, logitBias },
  };
  const cosines = await numbersOf(tf.tidy(() => linear(unitImages, unitTexts)));
  const sum = await sumOfShards(features, { objective, sizes });
  const seeds = [sum.images, sum.texts].map((values) => tf.tensor2d(values, [rows, width]));
  const [ofImages, ofTexts] = recording.backward(seeds);
  const found = {
    logits: cosines.map((cosine) => Math.exp(logitScale) * cosine + logitBias),
    loss: [sum.loss],
    'grad.image_features': await numbersOf(ofImages!),
    'grad.text_features': await numbersOf(ofTexts!),
    'grad.image_normalised': sum.images,
    'grad.text_normalised': sum.texts,
    'grad.logit_scale': [sum.logitScale],
    'grad.logit_bias': [sum.logitBias],
  };
  for (const [name, values] of Object.entries(found))
    expected.numbers(`${objective}.${name}`, values, { tolerance });
  expected.numbers(`${objective}.logits_per_image`, found.logits, { tolerance });
  tf.dispose([images, texts, ...seeds]);
}

async function sumOfShards(
  features: GlobalFeatures,
  { objective, sizes }: { readonly objective: keyof typeof pairLosses; readonly sizes: readonly number[] },
) {
  const sum = { loss: 0, logitScale: 0, logitBias: 0, images: [] as number[], texts: [] as number[] };
  using contrast = await Contrast.of(features, pairLosses[objective]);
  let start = 0;
  for (const size of sizes) {
    const part = contrast.shard(start, start + size);
    sum.loss += part.loss;
    sum.logitScale += part.logitScale;
    sum.logitBias += part.logitBias;
    sum.images.push(...(await numbersOf(part.images)));
    sum.texts.push(...(await numbersOf(part.texts)));
    start += size;
  }
  return { ...sum, images: Float32Array.from(sum.images), texts: Float32Array.from(sum.texts) };
}
