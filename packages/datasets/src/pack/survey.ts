/** Opens every image once: which are usable, and what their content is. */
import { createHash } from 'node:crypto';
import { decodeImage } from '../image/decode.ts';
import { PixelLimitError } from '../image/pixel-limit.ts';
import type { ImageSource, SourceSample } from '../sample.ts';
import { collect, type Source } from '../source/source.ts';
import { inOrder } from './in-order.ts';
import type { ProblemKind, ProblemLog } from './problems.ts';

export interface UsableImage extends ImageSource {
  /** Of the image file, hex. */
  readonly sha256: string;
}

export interface UsableSample extends Omit<SourceSample, 'images'> {
  readonly images: readonly UsableImage[];
}

/** Larger files do not fit a pack. */
export const MAX_IMAGE_BYTES = 64 * 1024 * 1024;

/** Images decoded at the same time: as many as Node's pool has threads. */
const WIDTH = 4;

/**
 * The samples whose images all decode completely, in their order. The others become problems: an image that is broken is one example,
 * and counts as often as it costs a sample.
 */
export async function survey(
  source: Source,
  samples: readonly SourceSample[],
  options: {
    problems: ProblemLog;
    signal: AbortSignal | undefined;
    onDone: (done: number, total: number) => void;
  },
): Promise<UsableSample[]> {
  const { problems, signal, onDone } = options;
  const images = [
    ...new Map(samples.flatMap((one) => one.images.map((image) => [image.path, image]))).values(),
  ];
  const verdicts = new Map<string, Verdict>();
  const examine = (image: ImageSource) => examineImage(source, image);
  for await (const verdict of inOrder(images, examine, { width: WIDTH, signal })) {
    verdicts.set(verdict.path, verdict);
    onDone(verdicts.size, images.length);
  }
  const usable: UsableSample[] = [];
  const broken = new Map<Broken, number>();
  for (const sample of samples) {
    const images = sample.images.map(({ path }) => verdicts.get(path) as Verdict);
    const bad = images.find((image) => 'kind' in image);
    if (bad) broken.set(bad, (broken.get(bad) ?? 0) + 1);
    else usable.push({ ...sample, images: images as UsableImage[] });
  }
  for (const [{ kind, path, reason }, count] of broken) problems.add(kind, `${path}: ${reason}`, count);
  return usable;
}

interface Broken {
  readonly path: string;
  readonly kind: ProblemKind;
  readonly reason: string;
}

type Verdict = UsableImage | Broken;

async function examineImage(source: Source, image: ImageSource): Promise<Verdict> {
  const { path } = image;
  let file: Uint8Array;
  try {
    file = await readImage(source, image);
  } catch (error) {
    const kind = error instanceof RangeError ? 'too-large' : 'missing-image';
    return { path, kind, reason: (error as Error).message };
  }
  try {
    await decodeImage(file);
  } catch (error) {
    const { message, cause } = error as Error;
    return {
      path,
      kind: cause instanceof PixelLimitError ? 'too-large' : 'undecodable-image',
      reason: message,
    };
  }
  return { ...image, sha256: createHash('sha256').update(file).digest('hex') };
}

/** The image's file. Throws RangeError where it is larger than a pack. */
export const readImage = (source: Source, { path, read }: ImageSource): Promise<Uint8Array> =>
  collect(read?.() ?? source.read(path), MAX_IMAGE_BYTES);
