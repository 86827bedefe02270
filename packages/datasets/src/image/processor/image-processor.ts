/**
 * A model folder's image preprocessing: read from whichever file says it, written as preprocessor_config.json. What is not
 * known is refused by name; nothing falls back to another model's preprocessing.
 */
import { TriptychError, type Violation } from '@triptych/protocol';
import { type ImageTransform, type ImageTransformSettings, imageTransform } from '../transform.ts';
import { refuseViolations } from './fields.ts';
import { fromHuggingFace } from './hugging-face.ts';
import { fromOpenClip } from './open-clip.ts';

/** The files that can say it, by name. All but config.json decide alone, the first that is there and says something. */
export const imageProcessorFiles = [
  'processor_config.json',
  'preprocessor_config.json',
  'open_clip_config.json',
  'config.json',
] as const;

/**
 * `files` has a folder's text files by name; others than {@link imageProcessorFiles} are not looked at. `imageSize` is the side
 * that the vision tower takes. `undefined` where no file describes the preprocessing.
 * @throws TriptychError MODEL_INVALID with every field that cannot be followed.
 */
export function parseImageProcessor(
  files: Readonly<Record<string, string | undefined>>,
  { imageSize }: { readonly imageSize?: number } = {},
): ImageTransform | undefined {
  const violations: Violation[] = [];
  const settings = settingsOf(files, violations);
  refuseViolations(violations);
  if (!settings) return undefined;
  const transform = imageTransform(settings);
  if (imageSize === undefined || imageSize === transform.size) return transform;
  throw new TriptychError(
    'MODEL_INVALID',
    `The preprocessing makes pictures of ${transform.size} pixels, the vision tower takes image_size ${imageSize}; make them equal`,
  );
}

function settingsOf(
  files: Readonly<Record<string, string | undefined>>,
  violations: Violation[],
): ImageTransformSettings | undefined {
  const config = json(files, 'config.json') ?? {};
  const nested = json(files, 'processor_config.json')?.['image_processor'];
  if (isObject(nested)) {
    const path = 'processor_config.json/image_processor';
    return fromHuggingFace({ path, json: nested, config }, violations);
  }
  const own = json(files, 'preprocessor_config.json');
  if (own) return fromHuggingFace({ path: 'preprocessor_config.json', json: own, config }, violations);
  const openClip = json(files, 'open_clip_config.json');
  return openClip && fromOpenClip(openClip, violations);
}

function json(files: Readonly<Record<string, string | undefined>>, name: string) {
  const text = files[name];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ''));
    if (isObject(value)) return value;
  } catch (cause) {
    throw new TriptychError('MODEL_INVALID', `${name} is not JSON: ${(cause as Error).message}`, { cause });
  }
  throw new TriptychError('MODEL_INVALID', `${name}: expected a JSON object, got something else`);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
