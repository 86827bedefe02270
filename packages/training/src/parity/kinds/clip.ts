/** A whole CLIP on one batch: hidden states, embeddings, loss, every gradient, and the parameters after some steps. */
import { parseConfig } from '@triptych/models';
import { type GoldenCase, integersOf } from '@triptych/nn';
import { recordOf, statedTolerance } from '../case-tolerance.ts';
import { ExpectedResults } from '../expected-results.ts';
import { hasInputs, modelType, type ParityKind } from '../kind.ts';
import { ClipUnderTest, optimizerOf } from './clip-under-test.ts';

export const clip: ParityKind = {
  name: 'clip',
  recognises: (golden) => modelType(golden) === 'clip' && hasInputs(golden, 'pixel_values', 'input_ids'),
  async check(golden) {
    const { about } = golden;
    const inputs = golden.tensors('inputs.safetensors').tensors;
    const expected = new ExpectedResults(golden);
    const forward = statedTolerance(about, 'forward');
    const gradient = statedTolerance(about, 'grad');
    using model = new ClipUnderTest(parseConfig(golden.config), golden.weights);
    const batch = {
      pixels: inputs.get('pixel_values')!.float32(),
      ids: integersOf(inputs.get('input_ids')!),
    };

    for (const [name, state] of await model.hiddenStates(batch))
      expected.numbers(name, state, { tolerance: forward });
    const first = await model.gradients(batch);
    for (const name of ['image_embeds', 'text_embeds', 'logits_per_image'] as const)
      expected.numbers(name, first[name], { tolerance: forward });
    expected.numbers('logits_per_text', transposed(first.logits_per_image), { tolerance: forward });
    expected.numbers('loss', [first.loss], { tolerance: forward });
    for (const [name, values] of first.parameters)
      expected.numbers(`grad.${name}`, values, { tolerance: gradient });
    await checkSteps(golden, { model, batch, expected });
    return expected.checks();
  },
};

/** `step_loss` and `step_grad_norm`, and the parameters `after3.*` (the number of steps varies). */
async function checkSteps(
  { about }: GoldenCase,
  {
    model,
    batch,
    expected,
  }: {
    readonly model: ClipUnderTest;
    readonly batch: { readonly pixels: Float32Array; readonly ids: Int32Array };
    readonly expected: ExpectedResults;
  },
): Promise<void> {
  const after = expected.names(/^after\d+\./)[0]?.split('.')[0];
  const stated = expected.has('step_loss') ? expected.tensor('step_loss').shape[0]! : 0;
  const steps = Math.max(stated, Number(after?.slice('after'.length) ?? 0));
  if (steps === 0) return;
  const learningRate = Number(recordOf(about['config'])['learningRate']);
  const optimizer = optimizerOf(about);
  const tolerance = statedTolerance(about, after ?? '', 'grad');
  const [losses, norms]: [number[], number[]] = [[], []];
  for (let step = 0; step < steps; step++) {
    const { loss, gradientNorm } = await model.step(batch, { learningRate, optimizer });
    losses.push(loss);
    norms.push(gradientNorm);
  }
  expected.numbers('step_loss', losses, { tolerance });
  expected.numbers('step_grad_norm', norms, { tolerance });
  for (const [name, values] of model.parameters())
    expected.numbers(`${after}.${name}`, values, { tolerance });
}

function transposed(square: Float32Array): Float32Array {
  const side = Math.sqrt(square.length);
  return square.map((_, i) => square[(i % side) * side + Math.floor(i / side)]!);
}
