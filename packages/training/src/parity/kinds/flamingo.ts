/** A whole Flamingo: image features, media, logits, loss, gradients, a greedy continuation, and what zero gates give. */
import {
  anyNames,
  composeConfig,
  composeWeights,
  Flamingo,
  type FlamingoConfig,
  FlamingoDecoder,
  flamingoLayout,
  flattenWeights,
  NEW_TOKEN_ROWS,
  type OpenFlamingoConfig,
  patchify,
  selfAttention,
  splitTokenTable,
  TOKEN_TABLE,
  weightsInMemory,
  weightsOf,
} from '@triptych/models';
import { type GoldenCase, integersOf, Parameters, record, type SafetensorsTensor, tf } from '@triptych/nn';
import { statedTolerance } from '../case-tolerance.ts';
import { exact, numbersOf, valuesOf } from '../check.ts';
import { ExpectedResults } from '../expected-results.ts';
import { namedGradients } from '../gradients.ts';
import { checkGreedy, newTokens } from '../greedy.ts';
import { hasInputs, type ParityKind } from '../kind.ts';
import { TextBatch } from '../text-batch.ts';

export const flamingo: ParityKind = {
  name: 'flamingo',
  recognises: (golden) =>
    golden.has('vision/config.json') &&
    golden.has('language/config.json') &&
    hasInputs(golden, 'vision_x', 'lang_x'),
  async check(golden) {
    const inputs = golden.tensors('inputs.safetensors').tensors;
    const expected = new ExpectedResults(golden);
    const tolerance = statedTolerance(golden.about, 'forward');
    const config = configOf(golden);
    using parameters = parametersOf(golden, config);
    const model = new Flamingo(config, weightsOf(parameters));
    const texts = new TextBatch(inputs, { ids: 'lang_x' });
    const whole = { ids: texts.ids, ...texts.sequences };
    const rows = (values: Float32Array) => texts.realRows(values);

    const pictures = new Pictures(inputs.get('vision_x')!, config);
    const features = pictures.features(model);
    expected.numbers('vision_tokens', await valuesOf(features), { tolerance });
    using recording = record(parameters.tensors(), () => {
      const media = model.media(features, pictures);
      const logits = model.logits(model.decode(whole, media));
      return [media, logits, texts.meanLoss(logits)];
    });
    const [media, logits, loss] = recording.outputs;
    expected.numbers('perceiver_output', await valuesOf(media!), { tolerance });
    expected.numbers('logits', await valuesOf(logits!), { tolerance, rows });
    expected.numbers('loss', await valuesOf(loss!), { tolerance });
    const { parameters: gradients } = await namedGradients(recording, {
      outputGradients: [undefined, undefined, tf.onesLike(loss!)],
      parameters,
    });
    checkGradients(gradients, { golden, config, expected });

    if (expected.has('generated_ids')) await checkContinuation({ model, inputs, expected, tolerance });

    closeGates(parameters);
    const plain = tf.tidy(() => model.logits(model.decode(whole, model.media(features, pictures))));
    expected.numbers('zero_gate_logits', await valuesOf(plain), { tolerance, rows });
    expected.numbers('zero_gate_loss', await numbersOf(tf.tidy(() => texts.meanLoss(plain))), { tolerance });
    const alone = tf.tidy(() => {
      const hidden = model.llama.embed(texts.ids, texts.batch);
      const pass = selfAttention(config.text_config, texts.sequences);
      return model.logits(model.llama.decode(hidden, pass));
    });
    expected.add(exact('zero gates, our plain decoder', await valuesOf(plain), await numbersOf(alone)));
    tf.dispose([plain, features]);
    return expected.checks();
  },
};

const configOf = (golden: GoldenCase): FlamingoConfig =>
  composeConfig(golden.config as OpenFlamingoConfig, {
    vision: golden.json('vision/config.json'),
    language: golden.json('language/config.json'),
  });

function parametersOf(golden: GoldenCase, config: FlamingoConfig): Parameters {
  const read = (file: string) => weightsInMemory(golden.tensors(file), anyNames);
  const weights = composeWeights({
    vision: read('vision/model.safetensors'),
    language: read('language/model.safetensors'),
    trained: read('model.safetensors'),
  });
  const layout = flamingoLayout(config);
  return new Parameters(layout, flattenWeights(splitTokenTable(weights, config), layout));
}

/** In files the token table is one tensor; here its new rows are a tensor of their own. */
function checkGradients(
  gradients: ReadonlyMap<string, Float32Array>,
  {
    golden,
    config,
    expected,
  }: { readonly golden: GoldenCase; readonly config: FlamingoConfig; readonly expected: ExpectedResults },
): void {
  const tolerance = statedTolerance(golden.about, 'grad');
  const [before, after] = [gradients.get(TOKEN_TABLE)!, gradients.get(NEW_TOKEN_ROWS)!];
  const table = new Float32Array(before.length + after.length);
  table.set(before);
  table.set(after, before.length);
  for (const [name, values] of new Map([...gradients, [TOKEN_TABLE, table]]))
    expected.numbers(`grad.${name}`, values, { tolerance });
  const width = config.text_config.hidden_size;
  const rows = [config.end_of_chunk_token_id, config.image_token_id].flatMap((id) => [
    ...table.subarray(id * width, (id + 1) * width),
  ]);
  expected.numbers(`grad_two_rows.${TOKEN_TABLE}`, rows, { tolerance });
}

async function checkContinuation({
  model,
  inputs,
  expected,
  tolerance,
}: {
  readonly model: Flamingo;
  readonly inputs: ReadonlyMap<string, SafetensorsTensor>;
  readonly expected: ExpectedResults;
  readonly tolerance: { readonly relative: number; readonly absolute: number };
}): Promise<void> {
  const prompt = inputs.get('prompt_ids')!;
  const pictures = new Pictures(inputs.get('prompt_vision_x')!, model.config);
  const media = tf.tidy(() => model.media(pictures.features(model), pictures));
  using decoder = new FlamingoDecoder(model, {
    ids: integersOf(prompt),
    batch: prompt.shape[0]!,
    media,
    maxNewTokens: newTokens(expected),
  });
  await checkGreedy(decoder, { expected, tolerance });
  media.dispose();
}

function closeGates(parameters: Parameters): void {
  for (const { key, offset } of parameters.layout.specs)
    if (/\.(attn|ff)_gate$/.test(key)) parameters.flat[offset] = 0;
  parameters.upload();
}

/** `vision_x` [B, images, frames, 3, H, W]. */
class Pictures {
  readonly images: number;
  readonly frames: number;
  readonly #pixels: Float32Array;
  readonly #size: number;
  readonly #patch: number;

  constructor(pixels: SafetensorsTensor, { vision_config }: FlamingoConfig) {
    this.images = pixels.shape[1]!;
    this.frames = pixels.shape[2]!;
    this.#pixels = pixels.float32();
    this.#size = vision_config.image_size;
    this.#patch = vision_config.patch_size;
  }

  /** [B * images, frames * P, Dv]; the caller disposes them. */
  features(model: Flamingo): tf.Tensor3D {
    const [size, patch] = [this.#size, this.#patch];
    const images = this.#pixels.length / (3 * size ** 2);
    const cut = patchify(this.#pixels, { images, size, patch });
    return tf.tidy(() => {
      const patches = tf.tensor3d(cut, [images, (size / patch) ** 2, 3 * patch ** 2]);
      const features = model.imageFeatures(patches);
      const [, tokens, width] = features.shape;
      return tf.reshape<tf.Rank.R3>(features, [images / this.frames, this.frames * tokens, width]);
    });
  }
}
