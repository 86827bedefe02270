/** open_clip's `preprocess_cfg` to a transform. Source: open_clip 3.3, src/open_clip/transform.py. */
import type { Violation } from '@triptych/protocol';
import type { ImageTransformSettings, Resize, Triple } from '../transform.ts';
import { Fields, heightAndWidth, isSide } from './fields.ts';
import { processorClasses } from './processor-class.ts';

/** `json` is open_clip_config.json. Adds what cannot be followed to `violations`. */
export function fromOpenClip(
  json: Readonly<Record<string, unknown>>,
  violations: Violation[],
): ImageTransformSettings {
  const fields = new Fields(
    'open_clip_config.json/preprocess_cfg',
    withoutNulls(json['preprocess_cfg']),
    violations,
  );
  const edge = sizeOf(fields, object(object(json['model_cfg'])['vision_cfg'])['image_size']);
  const { mean, std } = processorClasses['CLIPImageProcessor'] as { mean: Triple; std: Triple };
  const mode = fields.oneOf('resize_mode', 'shortest', ['shortest', 'longest', 'squash']);
  const interpolation = fields.oneOf('interpolation', 'bicubic', ['bicubic', 'bilinear', 'random']);
  const level = fields.number('fill_color', 0, isByte, 'a level from 0 to 255');
  fields.oneOf('mode', 'RGB', ['RGB']);
  const settings: ImageTransformSettings = {
    padToSquare: null,
    resize: resizeOf(mode, edge),
    // "random" is for training alone.
    filter: interpolation === 'bilinear' ? 'bilinear' : 'bicubic',
    crop:
      mode === 'squash'
        ? null
        : {
            height: edge,
            width: edge,
            rounding: 'half-even',
            fill: mode === 'longest' ? [level, level, level] : [0, 0, 0],
          },
    rescale: 1 / 255,
    mean: fields.triple('mean', mean, () => true, 'three numbers, or one'),
    std: fields.triple('std', std, (value) => value > 0, 'three numbers above 0, or one'),
  };
  for (const name of fields.unread()) fields.refuse(name, 'no such field', 'it may change pixels; remove it');
  return settings;
}

function resizeOf(mode: 'shortest' | 'longest' | 'squash', edge: number): Resize {
  return mode === 'squash' ? { kind: 'squash', height: edge, width: edge } : { kind: mode, edge };
}

/** The vision tower's size counts; `size` may repeat it. */
function sizeOf(fields: Fields, ofTower: unknown): number {
  const tower = side(ofTower);
  const own = side(fields.value('size') ?? tower ?? 224);
  if (own !== undefined && (tower ?? own) === own) return own;
  fields.refuse(
    'size',
    `a square${tower ? ` of ${tower} pixels, as vision_cfg.image_size says` : ''}`,
    'correct it',
  );
  return 224;
}

function side(value: unknown): number | undefined {
  if (isSide(value)) return value;
  const both = heightAndWidth(value);
  return both && both.height === both.width ? both.height : undefined;
}

const isByte = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 255;

/** open_clip takes its default for a null. */
const withoutNulls = (value: unknown) =>
  Object.fromEntries(Object.entries(object(value)).filter(([, field]) => field !== null));

const object = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
