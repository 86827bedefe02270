/** Small dataset folders on disk, for tests. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';

/** An empty folder that goes when the test ends. */
export async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'triptych-datasets-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Writes files by relative path; values that are not bytes or text are written as JSON. */
export async function folderWith(files: Record<string, unknown>): Promise<string> {
  const root = await temporaryFolder();
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    const raw = typeof content === 'string' || content instanceof Uint8Array;
    await writeFile(join(root, path), raw ? content : JSON.stringify(content));
  }
  return root;
}

/** A PNG of one grey level: another level is another content. */
export const png = (level: number): Promise<Uint8Array> =>
  sharp({ create: { width: 8, height: 8, channels: 3, background: { r: level, g: level, b: level } } })
    .png()
    .toBuffer();

/** A COCO caption file: captions by image file. */
export function coco(captionsOf: Record<string, readonly unknown[]>) {
  const files = Object.entries(captionsOf);
  return {
    images: files.map(([file_name], id) => ({ id, file_name })),
    annotations: files.flatMap(([, captions], image_id) =>
      captions.map((caption) => ({ image_id, caption })),
    ),
  };
}
