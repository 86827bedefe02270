/** An image processor as transformers 4 and 5 write it, to a transform. Source: transformers 5.18, image_processing_backends.py. */
import type { Violation } from '@triptych/protocol';
import { type ResampleFilter, resampleFilters } from '../resample-filter.ts';
import type { CentreCrop, ImageTransformSettings, Resize, Triple } from '../transform.ts';
import { Fields, heightAndWidth, isSide, sizeKeys } from './fields.ts';
import {
  canonicalClassName,
  classOfModelType,
  type ProcessorClass,
  processorClasses,
} from './processor-class.ts';

/** They say where code or results lie, or how a batch is arranged; none changes a pixel. */
const harmless = new Set([
  '_processor_class',
  'processor_class',
  '_auto_class',
  'auto_map',
  '_valid_processor_keys',
  '_valid_kwargs_names',
  'model_input_names',
  'return_tensors',
  'device',
  'disable_grouping',
  'image_seq_length',
  'transformers_version',
  'name_or_path',
]);

export interface ImageProcessorSource {
  /** File name, and the object in it where it is nested: `processor_config.json/image_processor`. */
  readonly path: string;
  readonly json: Readonly<Record<string, unknown>>;
  /** config.json of the same folder. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Adds what cannot be followed to `violations`; the result means nothing where there are any. */
export function fromHuggingFace(
  { path, json, config }: ImageProcessorSource,
  violations: Violation[],
): ImageTransformSettings {
  const fields = new Fields(path, json, violations);
  const defaults = processorClass(fields, config);
  // Pictures always have three channels here. Where the reference does not convert, it takes no others.
  fields.boolean('do_convert_rgb', true);
  const padded = pads(fields, new Fields('config.json', config, violations), defaults);
  const resized = fields.boolean('do_resize', true);
  const cropped = fields.boolean('do_center_crop', defaults.crop);
  const rescaled = fields.boolean('do_rescale', true);
  const normalised = fields.boolean('do_normalize', true);
  if (padded && !normalised)
    fields.refuse(
      'do_normalize',
      'true where pictures are padded with the mean colour',
      'turn one of them off',
    );
  const { mean, std } = normalised ? normalisation(fields, defaults) : identity;
  const settings: ImageTransformSettings = {
    padToSquare: padded ? levels(mean) : null,
    resize: resized ? resizeOf(fields, defaults) : null,
    filter: resized ? filterOf(fields, defaults) : defaults.filter,
    crop: cropped ? cropOf(fields, defaults) : null,
    rescale: rescaled
      ? fields.number('rescale_factor', 1 / 255, (value) => value !== 0, 'a number other than 0')
      : 1,
    mean,
    std,
  };
  fields.ignore('size', 'default_to_square', 'resample', 'crop_size', 'crop_rounding');
  fields.ignore('rescale_factor', 'image_mean', 'image_std');
  refuseOthers(fields);
  return settings;
}

const identity: Pick<ImageTransformSettings, 'mean' | 'std'> = { mean: [0, 0, 0], std: [1, 1, 1] };

const normalisation = (fields: Fields, defaults: ProcessorClass) => ({
  mean: fields.triple('image_mean', defaults.mean, () => true, 'three numbers, or one'),
  std: fields.triple('image_std', defaults.std, (value) => value > 0, 'three numbers above 0, or one'),
});

const filters = `one of ${resampleFilters.map((name, number) => `${number} (${name})`).join(', ')}`;

function filterOf(fields: Fields, defaults: ProcessorClass): ResampleFilter {
  const fallback = resampleFilters.indexOf(defaults.filter);
  const number = fields.number(
    'resample',
    fallback,
    (value) => resampleFilters[value] !== undefined,
    filters,
  );
  return resampleFilters[number] as ResampleFilter;
}

function processorClass(fields: Fields, config: ImageProcessorSource['config']): ProcessorClass {
  const field =
    typeof fields.value('image_processor_type') !== 'string'
      ? 'feature_extractor_type'
      : 'image_processor_type';
  const named = fields.value(field);
  fields.value('feature_extractor_type');
  const name = typeof named === 'string' ? canonicalClassName(named) : classOfModelType(config['model_type']);
  const known = name !== undefined && Object.hasOwn(processorClasses, name) && processorClasses[name];
  if (known) return known;
  const names = Object.keys(processorClasses).join(', ');
  fields.refuse(
    named === undefined ? 'image_processor_type' : field,
    `one of ${names}`,
    'use a model with one of these, or write its steps as a CLIPImageProcessor',
  );
  return processorClasses['CLIPImageProcessor'] as ProcessorClass;
}

function resizeOf(fields: Fields, { size, defaultToSquare }: ProcessorClass): Resize | null {
  const toSquare = fields.boolean('default_to_square', defaultToSquare);
  const value = valueOr(fields, 'size', size);
  if (isSide(value))
    return toSquare ? { kind: 'squash', height: value, width: value } : { kind: 'shortest', edge: value };
  const both = heightAndWidth(value);
  if (both) return { kind: 'squash', ...both };
  const { shortest_edge: edge, ...others } = sizeKeys(value);
  if (isSide(edge) && Object.keys(others).length === 0) return { kind: 'shortest', edge };
  fields.refuse('size', 'a number of pixels, {shortest_edge} or {height, width}', 'correct it');
  return null;
}

function valueOr(fields: Fields, name: string, fallback: unknown): unknown {
  const value = fields.value(name);
  return value === undefined ? fallback : value;
}

function cropOf(fields: Fields, { cropSize }: ProcessorClass): CentreCrop | null {
  const value = valueOr(fields, 'crop_size', cropSize);
  const both = isSide(value) ? { height: value, width: value } : heightAndWidth(value);
  // Ours: transformers always floors, and does not know the field.
  const rounding = fields.oneOf('crop_rounding', 'floor', ['floor', 'half-even']);
  if (both) return { ...both, rounding, fill: [0, 0, 0] };
  fields.refuse('crop_size', 'a number of pixels or {height, width}', 'correct it');
  return null;
}

/** `image_aspect_ratio` is LLaVA's own word, in config.json or beside the others. */
function pads(fields: Fields, folder: Fields, { padsToSquare }: ProcessorClass): boolean {
  const explicit = fields.value('do_pad');
  const asked = fields.boolean('do_pad', false);
  if ((fields.value('pad_size') ?? undefined) !== undefined)
    fields.refuse('pad_size', 'nothing', 'remove it: the size follows from size and crop_size');
  const ratios = [fields, folder].map((of) => aspectRatio(of));
  if (explicit === false && ratios.includes('pad'))
    fields.refuse('do_pad', 'true, as image_aspect_ratio is "pad"', 'decide for one of them');
  return ratios.includes('pad') || (asked && padsToSquare);
}

const aspectRatio = (fields: Fields) =>
  fields.value('image_aspect_ratio') === null
    ? 'square'
    : fields.oneOf('image_aspect_ratio', 'square', ['square', 'pad']);

/** Each channel's mean as a byte, fractions dropped. */
const levels = (mean: Triple): Triple => mean.map((value) => Math.trunc(value * 255)) as unknown as Triple;

function refuseOthers(fields: Fields): void {
  for (const name of fields.unread()) {
    const isOff = /^(do|use)_/.test(name) && fields.value(name) === false;
    const isOrder = /^(input_)?data_format$/.test(name) && fields.value(name) === 'channels_first';
    if (harmless.has(name) || isOff || isOrder) continue;
    fields.refuse(name, 'no such field', 'it may change pixels and is not known; remove it if it does not');
  }
}
