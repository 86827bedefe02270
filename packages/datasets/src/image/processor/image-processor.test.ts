import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { normalise } from '../normalise.ts';
import { clipTransform, resizeAndCrop } from '../transform.ts';
import { parseImageProcessor } from './image-processor.ts';
import { imageProcessorFile } from './write.ts';

interface Case {
  readonly height: number;
  readonly width: number;
  readonly rgb: string;
  readonly values: string;
  readonly files: Record<string, string>;
}

const fixture = new URL('../../../fixtures/image-processor/cases.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(fixture, 'utf8')) as { cases: Case[] };
const preprocessor = (fields: object, others: Record<string, object> = {}) =>
  Object.fromEntries(
    Object.entries({ 'preprocessor_config.json': fields, ...others }).map(([name, json]) => [
      name,
      JSON.stringify(json),
    ]),
  );
const clip = { image_processor_type: 'CLIPImageProcessor' };

test.each(cases.map((one, n) => ({ n, ...one })))('$n: $files', ({ height, width, rgb, values, files }) => {
  const transform = parseImageProcessor(files)!;
  const out = new Float32Array(3 * transform.size ** 2);
  const image = { height, width, data: Buffer.from(rgb, 'base64') };
  normalise(resizeAndCrop(image, transform), transform, out, 0);
  const expected = new Float32Array(Uint8Array.from(Buffer.from(values, 'base64')).buffer);
  expect(out.length).toBe(expected.length);
  const largest = Math.max(1, ...expected.map(Math.abs));
  // One level of a byte would be at least 1 / 255; the reference rounds to float32 three times, we once.
  for (const [i, value] of expected.entries()) expect(Math.abs(out[i]! - value) / largest).toBeLessThan(1e-6);
});

test.each(cases.map((one, n) => ({ n, ...one })))('$n is written and read back: $files', ({ files }) => {
  const transform = parseImageProcessor(files)!;
  const { path, json } = imageProcessorFile(transform);
  expect(parseImageProcessor({ [path]: JSON.stringify(json) })).toEqual(transform);
});

test('what is written for CLIP is what is read: the published transform', () => {
  const { path, json } = imageProcessorFile(clipTransform(224));
  expect(path).toBe('preprocessor_config.json');
  expect(parseImageProcessor({ [path]: JSON.stringify(json) })).toEqual(clipTransform(224));
});

test("the published CLIP file of transformers' first years", () => {
  const old = {
    feature_extractor_type: 'CLIPFeatureExtractor',
    size: 224,
    crop_size: 224,
    resample: 3,
    do_resize: true,
  };
  expect(parseImageProcessor(preprocessor(old))).toEqual(clipTransform(224));
});

test('processor_config.json of transformers 5 decides where it has an image processor', () => {
  const nested = { ...clip, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
  const files = preprocessor(clip, { 'processor_config.json': { image_processor: nested } });
  expect(parseImageProcessor(files)!.mean).toEqual([0.5, 0.5, 0.5]);
  const old = preprocessor(clip, { 'processor_config.json': { patch_size: 14 } });
  expect(parseImageProcessor(old)).toEqual(clipTransform(224));
});

test('a folder that says nothing has no transform, and nothing stands in for it', () => {
  expect(parseImageProcessor({ 'config.json': '{"model_type":"clip"}' })).toBeUndefined();
});

test('a file without a class is read as the model type says', () => {
  const files = (type: string) => preprocessor({ size: 384 }, { 'config.json': { model_type: type } });
  expect(parseImageProcessor(files('blip'))!.resize).toEqual({ kind: 'squash', height: 384, width: 384 });
  expect(parseImageProcessor(files('clip'))!.resize).toEqual({ kind: 'shortest', edge: 384 });
  expect(() => parseImageProcessor(files('idefics3'))).toThrow('image_processor_type: expected one of CLIP');
});

test.each([
  ['image_processor_type', { image_processor_type: 'LlavaNextImageProcessor' }],
  ['resample', { ...clip, resample: 6 }],
  ['resample', { ...clip, resample: null }],
  ['size', { ...clip, size: { shortest_edge: 224, longest_edge: 300 } }],
  ['size', { ...clip, size: -1 }],
  ['crop_size', { ...clip, crop_size: { shortest_edge: 224 } }],
  ['image_mean', { ...clip, image_mean: [0.5, 0.5] }],
  ['image_mean', { ...clip, image_mean: ['0.5', '0.5', '0.5'] }],
  ['image_std', { ...clip, image_std: [0.5, 0, 0.5] }],
  ['image_std', { ...clip, image_std: null }],
  ['do_resize', { ...clip, do_resize: 'yes' }],
  ['rescale_factor', { ...clip, rescale_factor: 0 }],
  ['rescale_offset', { ...clip, rescale_offset: true }],
  ['do_flip_channel_order', { ...clip, do_flip_channel_order: true }],
  ['do_thumbnail', { ...clip, do_thumbnail: true }],
  ['crop_pct', { ...clip, crop_pct: 0.875 }],
  ['image_aspect_ratio', { ...clip, image_aspect_ratio: 'anyres_max_9' }],
  ['pad_size', { ...clip, pad_size: { height: 300, width: 300 } }],
])('%s is refused by name: %o', (field, fields) => {
  expect(() => parseImageProcessor(preprocessor(fields))).toThrow(
    `preprocessor_config.json/${field}: expected`,
  );
});

test('everything that is wrong is said at once', () => {
  const wrong = { ...clip, resample: 9, image_mean: 'grey', do_shake: true };
  try {
    parseImageProcessor(preprocessor(wrong));
    expect.unreachable();
  } catch (error) {
    expect(error).toMatchObject({ code: 'MODEL_INVALID' });
    expect((error as { violations: { path: string }[] }).violations.map(({ path }) => path)).toEqual([
      'preprocessor_config.json/image_mean',
      'preprocessor_config.json/resample',
      'preprocessor_config.json/do_shake',
    ]);
  }
});

test('what changes no pixel is passed over', () => {
  const harmless = {
    ...clip,
    _processor_class: null,
    processor_class: 'CLIPProcessor',
    auto_map: { AutoProcessor: 'x' },
    _valid_processor_keys: ['images'],
    do_flip_channel_order: false,
    data_format: 'channels_first',
    device: null,
    do_pad: true,
  };
  expect(parseImageProcessor(preprocessor(harmless))).toEqual(clipTransform(224));
});

test('pictures of one size, and of the size that the tower takes', () => {
  expect(() => parseImageProcessor(preprocessor({ ...clip, do_center_crop: false }))).toThrow(
    'square of one size',
  );
  expect(() =>
    parseImageProcessor(preprocessor({ ...clip, crop_size: { height: 224, width: 196 } })),
  ).toThrow('got 224 x 196');
  expect(() => parseImageProcessor(preprocessor(clip), { imageSize: 336 })).toThrow(
    'pictures of 224 pixels, the vision tower takes image_size 336',
  );
  expect(parseImageProcessor(preprocessor(clip), { imageSize: 224 })!.size).toBe(224);
});

test('LLaVA pads in its own two ways, and contradictions are refused', () => {
  const aspect = (value: string) => ({ 'config.json': { model_type: 'llava', image_aspect_ratio: value } });
  const padded = [122, 116, 104];
  expect(parseImageProcessor(preprocessor(clip, aspect('pad')))!.padToSquare).toEqual(padded);
  expect(parseImageProcessor(preprocessor(clip, aspect('square')))!.padToSquare).toBeNull();
  const llava = { image_processor_type: 'LlavaImageProcessorFast', do_pad: true };
  expect(parseImageProcessor(preprocessor(llava))!.padToSquare).toEqual(padded);
  expect(() => parseImageProcessor(preprocessor({ ...llava, do_pad: false }, aspect('pad')))).toThrow(
    'do_pad',
  );
  expect(() => parseImageProcessor(preprocessor(clip, aspect('anyres')))).toThrow(
    'config.json/image_aspect_ratio',
  );
  expect(() => parseImageProcessor(preprocessor({ ...llava, do_normalize: false }))).toThrow('do_normalize');
});

test.each([
  ['interpolation', { interpolation: 'lanczos' }],
  ['resize_mode', { resize_mode: 'anyres' }],
  ['mode', { mode: 'L' }],
  ['size', { size: 256 }],
  ['fill_color', { fill_color: 300 }],
  ['gamma', { gamma: 2 }],
])("open_clip's %s is refused by name: %o", (field, preprocess_cfg) => {
  const json = { preprocess_cfg, model_cfg: { vision_cfg: { image_size: 224 } } };
  expect(() => parseImageProcessor({ 'open_clip_config.json': JSON.stringify(json) })).toThrow(
    `open_clip_config.json/preprocess_cfg/${field}: expected`,
  );
});

test('files that are no JSON object are refused by name', () => {
  expect(() => parseImageProcessor({ 'preprocessor_config.json': '{' })).toThrow(
    'preprocessor_config.json is not JSON',
  );
  expect(() => parseImageProcessor({ 'preprocessor_config.json': '[]' })).toThrow('expected a JSON object');
});
