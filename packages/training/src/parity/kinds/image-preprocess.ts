/** Image files to pixel values: Hugging Face's processors, LLaVA's padding to a square, open_clip's transform. */
import {
  clipTransform,
  decodeImage,
  type ImageTransform,
  normalise,
  type RgbImage,
  resizeAndCrop,
} from '@triptych/datasets';
import type { GoldenCase } from '@triptych/nn';
import { namedTolerance, recordOf } from '../case-tolerance.ts';
import { exact, missing, numbers } from '../check.ts';
import { ExpectedResults } from '../expected-results.ts';
import type { ParityKind } from '../kind.ts';
import type { Check, ExactCheck } from '../launch/check.ts';
import { exifOrientation, turnedUpright } from './exif-orientation.ts';

interface Picture {
  readonly file: string;
  /** Pillow's name: RGB, L, RGBA, P. */
  readonly mode: string;
  /** As Pillow decoded it. */
  readonly rgb: RgbImage;
  readonly orientation: number;
}

export const imagePreprocess: ParityKind = {
  name: 'image-preprocess',
  recognises: (golden) =>
    golden.has('images') && golden.has('inputs.safetensors') && golden.has('expected.safetensors'),
  async check(golden) {
    const expected = new ExpectedResults(golden);
    const checks: Check[] = [];
    for (const name of expected.names(/./)) checks.push(...(await checksOf(name, { golden, expected })));
    return checks;
  },
};

/** clip_64_bytes: what is done, the side of the square, and whether bytes or normalised values are wanted. */
const NAME = /^(clip|open_clip|pad_square)_(\d+)(_exif_upright)?(_bytes)?$/;

async function checksOf(
  name: string,
  { golden, expected }: { readonly golden: GoldenCase; readonly expected: ExpectedResults },
): Promise<Check[]> {
  const [, how, side, upright, bytes] = NAME.exec(name) ?? [];
  if (how === undefined) return [missing(name)];
  const settings = recordOf(golden.about['config']);
  const wanted = expected.tensor(name);
  const pictures = selected(picturesOf(golden), {
    count: wanted.shape[0]!,
    upright,
    big: settings['bigImages'],
  });
  if (pictures.length !== wanted.shape[0]) return [missing(name)];
  const transform = transformOf(Number(side), settings, how);
  const prepare = (rgb: RgbImage, { orientation }: Picture): Uint8Array =>
    resizeAndCrop(upright ? turnedUpright(rgb, orientation) : rgb, transform);
  const values = wanted.float32();
  const size = values.length / pictures.length;
  const reference = (i: number) => values.subarray(i * size, (i + 1) * size);
  const result = (pixels: Uint8Array) => (bytes ? planes(pixels) : normalised(pixels, transform));
  const checks: Check[] = [];
  const fromBytes = namedTolerance(golden.about, 'from the RGB bytes') ?? { relative: 0, absolute: 1e-6 };
  const fromJpeg = namedTolerance(golden.about, 'from JPEG files') ?? { relative: 0, absolute: 0.05 };
  for (const [i, picture] of pictures.entries()) {
    const label = `${name} ${picture.file}`;
    // open_clip resizes pictures with a palette or with alpha before it converts them to RGB; nothing here does.
    if (how === 'open_clip' && !['RGB', 'L'].includes(picture.mode)) {
      checks.push(notDone(label, picture.mode));
      continue;
    }
    const own = result(prepare(picture.rgb, picture));
    checks.push(
      bytes
        ? exact(label, own, reference(i))
        : numbers(label, { actual: own, expected: reference(i), tolerance: fromBytes }),
    );
    const decoded = await decodeImage(golden.bytes(`images/${picture.file}`));
    const fromFile = result(prepare(decoded, picture));
    const jpeg = /\.jpe?g$/i.test(picture.file);
    // A level of 255 is 0.015 after normalisation.
    const tolerance = bytes ? { relative: 0, absolute: jpeg ? 3 : 0 } : jpeg ? fromJpeg : fromBytes;
    checks.push(numbers(`${label} from the file`, { actual: fromFile, expected: reference(i), tolerance }));
  }
  return checks;
}

const notDone = (name: string, mode: string): ExactCheck => ({
  kind: 'exact',
  name,
  items: 0,
  different: 0,
  within: true,
  note: `not compared: open_clip resizes a picture of mode ${mode} before it converts it to RGB; here Hugging Face is followed`,
});

function picturesOf(golden: GoldenCase): Picture[] {
  const listed = recordOf(golden.about['config'])['images'] as { file: string; mode?: string }[] | undefined;
  const modes = new Map(listed?.map(({ file, mode }) => [file.replace(/^images\//, ''), mode ?? 'RGB']));
  return [...golden.tensors('inputs.safetensors').tensors]
    .filter(([name]) => name.startsWith('rgb.'))
    .map(([name, { shape, bytes }]) => {
      const file = name.slice('rgb.'.length);
      const rgb = { height: shape[0]!, width: shape[1]!, data: bytes };
      return {
        file,
        rgb,
        mode: modes.get(file) ?? 'RGB',
        orientation: exifOrientation(golden.bytes(`images/${file}`)),
      };
    })
    .sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** All pictures, or those that the case names as big, or those that are stored turned. */
function selected(
  pictures: readonly Picture[],
  {
    count,
    upright,
    big,
  }: { readonly count: number; readonly upright: string | undefined; readonly big: unknown },
): readonly Picture[] {
  if (upright) return pictures.filter(({ orientation }) => orientation > 1);
  if (count === pictures.length || !Array.isArray(big)) return pictures;
  return (big as string[]).flatMap((file) => pictures.filter((picture) => picture.file === file));
}

function transformOf(size: number, settings: Readonly<Record<string, unknown>>, how: string): ImageTransform {
  const published = clipTransform(size);
  const triple = (value: unknown, usual: ImageTransform['mean']) =>
    Array.isArray(value) && value.length === 3 ? (value as [number, number, number]) : usual;
  const rounding = how === 'open_clip' ? 'half-even' : 'floor';
  return {
    ...published,
    mean: triple(settings['mean'], published.mean),
    std: triple(settings['std'], published.std),
    padToSquare: how === 'pad_square' ? triple(settings['padColour'], [122, 116, 104]) : null,
    crop: { height: size, width: size, fill: [0, 0, 0], rounding },
  };
}

function normalised(pixels: Uint8Array, transform: ImageTransform): Float32Array {
  const values = new Float32Array(pixels.length);
  normalise(pixels, transform, values, 0);
  return values;
}

/** [size, size, 3] as [3, size, size]. */
function planes(pixels: Uint8Array): Float32Array {
  const plane = pixels.length / 3;
  return Float32Array.from(pixels, (_, i) => pixels[(i % plane) * 3 + Math.floor(i / plane)]!);
}
