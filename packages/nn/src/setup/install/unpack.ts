/** Copies chosen files out of a wheel, a tar.gz or a folder, as streams: the library alone has 790 MB. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { finished, pipeline } from 'node:stream/promises';
import { TriptychError } from '@triptych/protocol';
import { Parser, type ReadEntry } from 'tar';
import { openPromise as openZip } from 'yauzl';

/** Where the file at this path goes, undefined: nowhere. Paths have `/` and are those of the archive, or below the folder. */
export type Placement = (path: string) => string | undefined;

export type SourceKind = 'wheel' | 'tar.gz' | 'folder';

/** Resolves to what the source turned out to be. INVALID_INPUT where it is none of them, or broken. */
export async function unpack(source: string, place: Placement): Promise<SourceKind> {
  const kind = await kindOf(source);
  try {
    await unpackers[kind](source, place);
    return kind;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const remedy = code === 'ENOSPC' ? 'free 2 GB, or choose another folder' : 'download it again';
    throw new TriptychError('INVALID_INPUT', `${source} cannot be unpacked: ${message}; ${remedy}`, {
      cause,
    });
  }
}

const unpackers: Record<SourceKind, (source: string, place: Placement) => Promise<void>> = {
  wheel: unpackZip,
  'tar.gz': unpackTar,
  folder: copyFolder,
};

/** By its first bytes: a name may lie. */
async function kindOf(source: string): Promise<SourceKind> {
  const found = await stat(source).catch(() => undefined);
  if (found === undefined)
    throw new TriptychError('INVALID_INPUT', `there is no ${source}; give a wheel, a tar.gz or a folder`);
  if (found.isDirectory()) return 'folder';
  // Opening a pipe would wait for its other end.
  if (!found.isFile())
    throw new TriptychError('INVALID_INPUT', `${source} is no regular file; save it as a file first`);
  const file = await open(source);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    if (buffer.toString('latin1') === 'PK') return 'wheel';
    if (buffer[0] === 0x1f && buffer[1] === 0x8b) return 'tar.gz';
  } finally {
    await file.close();
  }
  throw new TriptychError(
    'INVALID_INPUT',
    `${source} is neither a wheel (.whl), a .tar.gz nor a folder; give the TensorFlow wheel for Linux or the archive of libtensorflow`,
  );
}

async function unpackZip(source: string, place: Placement): Promise<void> {
  const zip = await openZip(source);
  for await (const entry of zip.eachEntry()) {
    const target = entry.fileName.endsWith('/') ? undefined : place(entry.fileName);
    if (target === undefined) continue;
    await mkdir(dirname(target), { recursive: true });
    await pipeline(await zip.openReadStreamPromise(entry), createWriteStream(target));
  }
}

async function unpackTar(source: string, place: Placement): Promise<void> {
  const written: Promise<void>[] = [];
  const parser = new Parser({
    strict: true,
    onReadEntry(entry) {
      const target = entry.type === 'File' ? place(entry.path.replace(/^\.\//, '')) : undefined;
      if (target === undefined) entry.resume();
      else written.push(writeEntry(entry, target));
    },
  });
  createReadStream(source).pipe(parser as unknown as NodeJS.WritableStream);
  await new Promise((resolve, reject) => parser.once('end', resolve).once('error', reject));
  await Promise.all(written);
}

async function writeEntry(entry: ReadEntry, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const file = createWriteStream(target);
  entry.pipe(file as unknown as Parameters<ReadEntry['pipe']>[0]);
  await finished(file);
}

async function copyFolder(source: string, place: Placement): Promise<void> {
  for (const entry of await readdir(source, { withFileTypes: true, recursive: true })) {
    // A link leads to a file that is met under its own name as well.
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const target = place(relative(source, path).split(sep).join('/'));
    if (target === undefined) continue;
    await mkdir(dirname(target), { recursive: true });
    await pipeline(createReadStream(path), createWriteStream(target));
  }
}
