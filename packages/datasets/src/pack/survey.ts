/** Opens every image once: which are usable, and what their content is. */
import { createHash } from 'node:crypto';
import { decodeImage } from '../image/decode.ts';
import type { SourceSample } from '../sample.ts';
import { readWhole, type Source } from '../source/source.ts';
import { inOrder } from './in-order.ts';
import type { ProblemKind, ProblemLog } from './problems.ts';

export interface UsableImage {
  readonly path: string;
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
  const paths = [...new Set(samples.flatMap(({ images }) => images.map(({ path }) => path)))];
  const verdicts = new Map<string, Verdict>();
  const examine = (path: string) => examineImage(source, path);
  for await (const verdict of inOrder(paths, examine, { width: WIDTH, signal })) {
    verdicts.set(verdict.path, verdict);
    onDone(verdicts.size, paths.length);
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

async function examineImage(source: Source, path: string): Promise<Verdict> {
  let file: Uint8Array;
  try {
    file = await readWhole(source, path, MAX_IMAGE_BYTES);
  } catch (error) {
    const kind = error instanceof RangeError ? 'too-large' : 'missing-image';
    return { path, kind, reason: (error as Error).message };
  }
  try {
    await decodeImage(file);
  } catch (error) {
    return { path, kind: 'undecodable-image', reason: notEvenAnImage(file) ?? (error as Error).message };
  }
  return { path, sha256: createHash('sha256').update(file).digest('hex') };
}

/** Download tools often save an error page under the image's name. */
function notEvenAnImage(file: Uint8Array): string | undefined {
  if (file.length === 0) return 'empty file';
  const start = Buffer.from(file.subarray(0, 256)).toString('latin1').trimStart();
  if (/^<(!doctype html|html|head|body)/i.test(start)) return 'an HTML page';
  return /^[{[]/.test(start) ? 'looks like JSON' : undefined;
}
