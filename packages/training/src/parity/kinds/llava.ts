/** A LLaVA: image features, projection, logits, loss, every gradient, and a greedy continuation of a prompt with images. */
import {
  Llava,
  type LlavaConfig,
  LlavaDecoder,
  llavaLayout,
  loadLlavaWeights,
  parseLlavaConfig,
  patchify,
  weightsOf,
} from '@triptych/models';
import { Parameters, record, type SafetensorsTensor, tf } from '@triptych/nn';
import { statedTolerance } from '../case-tolerance.ts';
import { valuesOf } from '../check.ts';
import { ExpectedResults } from '../expected-results.ts';
import { namedGradients } from '../gradients.ts';
import { checkGreedy, newTokens } from '../greedy.ts';
import { hasInputs, modelType, type ParityKind } from '../kind.ts';
import { TextBatch } from '../text-batch.ts';

export const llava: ParityKind = {
  name: 'llava',
  recognises: (golden) => modelType(golden) === 'llava' && hasInputs(golden, 'input_ids', 'pixel_values'),
  async check(golden) {
    const inputs = golden.tensors('inputs.safetensors').tensors;
    const expected = new ExpectedResults(golden);
    const tolerance = statedTolerance(golden.about, 'forward');
    const config = parseLlavaConfig(golden.config);
    using parameters = new Parameters(llavaLayout(config), loadLlavaWeights(golden.weights, config));
    const model = new Llava(config, weightsOf(parameters));
    const texts = new TextBatch(inputs);

    using recording = record(parameters.tensors(), () => {
      const features = model.imageFeatures(patches(inputs.get('pixel_values')!, config));
      const images = model.project(features);
      const logits = model.logits(model.decode({ ...texts.sequences, ...withImages(texts, config) }, images));
      return [features, images, logits, texts.meanLoss(logits)];
    });
    const [features, images, logits, loss] = recording.outputs;
    expected.numbers('vision_features', await valuesOf(features!), { tolerance });
    expected.numbers('projector_output', await valuesOf(images!), { tolerance });
    const rows = (values: Float32Array) => texts.realRows(values);
    expected.numbers('logits', await valuesOf(logits!), { tolerance, rows });
    expected.numbers('loss', await valuesOf(loss!), { tolerance });
    const gradients = await namedGradients(recording, {
      outputGradients: [undefined, undefined, undefined, tf.onesLike(loss!)],
      parameters,
    });
    for (const name of expected.names(/^(vision)?grad\./)) {
      const values = gradients.parameters.get(hubName(name.slice(name.indexOf('.') + 1)));
      if (values) expected.numbers(name, values, { tolerance: statedTolerance(golden.about, 'grad') });
    }
    if (expected.has('generated_ids')) await checkContinuation({ model, inputs, expected, tolerance });
    return expected.checks();
  },
};

async function checkContinuation({
  model,
  inputs,
  expected,
  tolerance,
}: {
  readonly model: Llava;
  readonly inputs: ReadonlyMap<string, SafetensorsTensor>;
  readonly expected: ExpectedResults;
  readonly tolerance: { readonly relative: number; readonly absolute: number };
}): Promise<void> {
  const prompts = new TextBatch(inputs, { ids: 'prompt_ids', mask: 'prompt_attention_mask' });
  const pixels = inputs.get('prompt_pixel_values');
  const images = pixels
    ? tf.tidy(() => model.project(model.imageFeatures(patches(pixels, model.config))))
    : null;
  const texts = { ...prompts.sequences, ...withImages(prompts, model.config) };
  using decoder = new LlavaDecoder(model, { texts, images, maxNewTokens: newTokens(expected) });
  await checkGreedy(decoder, { expected, tolerance });
  images?.dispose();
}

/** The ids, and how many images each text has: the image token stands once for every row of an image. */
function withImages({ ids, batch, length }: TextBatch, config: LlavaConfig) {
  const { image_token_index: token, image_seq_length: tokens } = config;
  const counts = new Array<number>(batch).fill(0);
  for (const [i, id] of ids.entries()) if (id === token) counts[Math.floor(i / length)]! += 1 / tokens;
  return { ids, imageCounts: counts.map((count) => Math.round(count)) };
}

function patches(pixels: SafetensorsTensor, { vision_config }: LlavaConfig): tf.Tensor3D {
  const { image_size: size, patch_size: patch } = vision_config;
  const images = pixels.shape[0]!;
  const shape: [number, number, number] = [images, (size / patch) ** 2, 3 * patch ** 2];
  return tf.tensor3d(patchify(pixels.float32(), { images, size, patch }), shape);
}

/** As files on the Hugging Face hub name a parameter that newer files, or running models, name otherwise. */
const hubName = (name: string): string =>
  name
    .replace(/^model\.language_model\./, 'language_model.model.')
    .replace(/^model\.(?=vision_tower\.|multi_modal_projector\.)/, '')
    .replace(/^lm_head\./, 'language_model.lm_head.')
    .replace(/^vision_tower\.(?!vision_model\.)/, 'vision_tower.vision_model.');
