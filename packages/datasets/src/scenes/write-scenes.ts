/**
 * Writes the sample dataset: real image files with COCO captions, VQAv2 questions, LLaVA conversations and class folders, all from a
 * seed. No two pictures, of one split or of two, show the same scene.
 */
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { invalidInput, type Split } from '@triptych/protocol';
import sharp from 'sharp';
import { SCENES_KIND, SCENES_MARKER } from '../formats/scenes/scenes.ts';
import { inOrder } from '../pack/in-order.ts';
import { type RandomStream, randomStream } from '../random-stream.ts';
import { annotationFiles, type Picture } from './annotations.ts';
import { renderScene } from './render.ts';
import { drawScene, type Scene, sceneKey } from './scene.ts';
import { shapes } from './vocabulary.ts';

export interface ScenesSummary {
  readonly path: string;
  readonly images: number;
  readonly splits: Readonly<Record<Split, number>>;
  readonly classNames: readonly string[];
  /** False where the folder already held exactly this dataset. */
  readonly written: boolean;
}

/** Of the generator: another version writes other files from the same seed. */
const VERSION = 3;
const MIN_IMAGES = 20;
const MAX_IMAGES = 100_000;
const SIDES = [72, 80, 88, 96, 112, 128] as const;

/**
 * `path` comes into being at once, complete; a dataset of this kind that was there before is replaced, or kept where it is the same.
 * Throws INVALID_INPUT where `path` is something else or the numbers are out of range, and the signal's reason.
 */
export async function writeScenes(options: {
  path: string;
  images?: number;
  seed?: number;
  signal?: AbortSignal;
  onProgress?: (progress: { done: number; total: number }) => void;
}): Promise<ScenesSummary> {
  const { images = 3000, seed = 0, signal, onProgress } = options;
  const path = resolve(options.path);
  const plan = planSplits(images);
  const marker = JSON.stringify({ kind: SCENES_KIND, version: VERSION, seed, images, classNames: shapes });
  const summary = { path, images, splits: plan.counts, classNames: shapes };
  if ((await markerIn(path)) === marker) return { ...summary, written: false };

  const partial = `${path}.partial`;
  await rm(partial, { recursive: true, force: true });
  await makeFolders(partial);
  const scenes = distinctScenes(images, seed).map((scene, n) => ({
    id: n + 1,
    scene,
    split: plan.splitOf(n),
  }));
  const pictures: (Picture & { split: Split })[] = [];
  const draw = async (entry: (typeof scenes)[number]) => ({
    ...entry,
    ...(await writePicture(partial, entry, seed)),
  });
  for await (const picture of inOrder(scenes, draw, { width: 4, signal })) {
    pictures.push(picture);
    onProgress?.({ done: pictures.length, total: images });
  }
  for (const split of splits)
    for (const [file, json] of Object.entries(
      annotationFiles(
        split,
        pictures.filter((picture) => picture.split === split),
        seed,
      ),
    ))
      await writeFile(join(partial, file), JSON.stringify(json));
  await writeFile(join(partial, 'README.md'), readme(seed));
  await writeFile(join(partial, SCENES_MARKER), marker);
  await rm(path, { recursive: true, force: true });
  await rename(partial, path);
  return { ...summary, written: true };
}

const splits: readonly Split[] = ['train', 'validation', 'test'];

/** Shapes take turns, so blocks of consecutive scenes have all classes equally often. */
function planSplits(images: number): { counts: Record<Split, number>; splitOf(n: number): Split } {
  if (!Number.isInteger(images) || images < MIN_IMAGES || images > MAX_IMAGES)
    throw invalidInput('sample dataset', [
      {
        path: '/images',
        expected: `a whole number from ${MIN_IMAGES} to ${MAX_IMAGES}`,
        actual: String(images),
        remedy: 'choose a number in that range',
      },
    ]);
  const held = Math.round(images / 10);
  return {
    counts: { train: images - 2 * held, validation: held, test: held },
    splitOf: (n) => (n < held ? 'validation' : n < 2 * held ? 'test' : 'train'),
  };
}

/** The marker of the dataset at `path`, `undefined` where nothing is there. Anything else there is not ours to replace. */
async function markerIn(path: string): Promise<string | undefined> {
  const marker = await readFile(join(path, SCENES_MARKER), 'utf8').catch(() => undefined);
  if (marker?.includes(SCENES_KIND)) return marker;
  if (!(await stat(path).catch(() => undefined))) return undefined;
  throw invalidInput('sample dataset', [
    {
      path: '/path',
      expected: 'a path that does not exist yet, or an older sample dataset',
      actual: `"${path}", which is something else`,
      remedy: 'choose another path or remove it',
    },
  ]);
}

async function makeFolders(root: string): Promise<void> {
  const classes = splits.flatMap((split) => shapes.map((shape) => `images/${split}/${shape}`));
  for (const folder of [...classes, 'annotations', 'vqa', 'llava'])
    await mkdir(join(root, folder), { recursive: true });
}

function distinctScenes(count: number, seed: number): Scene[] {
  const stream = randomStream(seed, 'scenes');
  const seen = new Set<string>();
  const scenes: Scene[] = [];
  while (scenes.length < count) {
    const scene = drawScene(stream, shapes[scenes.length % shapes.length] as (typeof shapes)[number]);
    const key = sceneKey(scene);
    if (seen.has(key)) continue;
    seen.add(key);
    scenes.push(scene);
  }
  return scenes;
}

/** Draws one picture in a size of its own and encodes it, every second one as JPEG. */
async function writePicture(
  root: string,
  { id, scene, split }: { id: number; scene: Scene; split: Split },
  seed: number,
): Promise<{ file: string; width: number; height: number }> {
  const stream = randomStream(seed, 'picture', id);
  const { width, height } = pictureSize(stream);
  const canvas = renderScene(scene, { width, height, stream });
  const encoder = sharp(canvas.data, { raw: { width, height, channels: 3 } });
  const jpeg = stream.uniform() < 0.5;
  const file = `${split}/${scene.main.shape}/${String(id).padStart(6, '0')}.${jpeg ? 'jpg' : 'png'}`;
  const target = join(root, 'images', file);
  const encoded = jpeg ? encoder.jpeg({ quality: 90 }) : encoder.png({ compressionLevel: 4 });
  await writeFile(target, await encoded.toBuffer());
  return { file, width, height };
}

/** Two in three are not square. */
function pictureSize(stream: RandomStream): { width: number; height: number } {
  const short = stream.pick(SIDES.slice(0, 4));
  const long = stream.pick(SIDES.filter((side) => side >= short && side <= short * 1.4));
  return stream.uniform() < 0.5 ? { width: short, height: long } : { width: long, height: short };
}

const readme = (seed: number): string => `# scenes

Generated pictures of one to three objects (seed ${seed}). The class of a picture is the shape of its largest object.

| path | format |
|---|---|
| \`images/<split>/<class>/\` | class folders |
| \`annotations/captions_<split>.json\` | COCO captions, five per image; \`file_name\` is relative to \`images/\` |
| \`vqa/{questions,annotations}_<split>.json\` | VQAv2, four questions per image, ten answers each |
| \`llava/conversations_<split>.json\` | LLaVA, three conversations per image; \`image\` is relative to \`images/\` |
`;
