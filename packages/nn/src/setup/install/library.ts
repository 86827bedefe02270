/** From a TensorFlow distribution to the `deps/` that the addon is built against: its two libraries and their headers. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rm, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TriptychError } from '@triptych/protocol';
import { assertBuiltFor } from './elf.ts';
import {
  assertSupportedVersion,
  isForeignLibrary,
  type LibraryFile,
  type LibraryPart,
  libraryFileAt,
  versionInMetadata,
} from './library-files.ts';
import { type SourceKind, unpack } from './unpack.ts';

export interface UnpackedLibrary {
  readonly kind: SourceKind;
  /** As the distribution calls itself; undefined where it does not say. */
  readonly version?: string;
  /** sha256 by file: of the archive, or of the two libraries where a folder was given. */
  readonly checksums: Readonly<Record<string, string>>;
}

const PARTS: readonly LibraryPart[] = ['tensorflow', 'framework'];

/** Fills `deps` (which is to be new). INVALID_INPUT with the remedy where something is missing or of the wrong kind. */
export async function unpackLibrary(
  source: string,
  deps: string,
  { arch = process.arch }: { readonly arch?: string } = {},
): Promise<UnpackedLibrary> {
  const library = join(deps, 'lib');
  const found = new Map<LibraryPart, Extract<LibraryFile, { kind: 'library' }>>();
  let [headers, foreign] = [0, false];
  const metadata = join(deps, 'METADATA');

  const kind = await unpack(source, (path) => {
    foreign ||= isForeignLibrary(path);
    const file = libraryFileAt(path);
    if (file === undefined) return undefined;
    if (file.kind === 'metadata') return metadata;
    if (file.kind === 'header') {
      headers++;
      return join(deps, 'include', file.path);
    }
    // Where links were copied as files, there are several of the same.
    if (found.has(file.part)) return undefined;
    found.set(file.part, file);
    return join(library, file.fileName);
  });

  for (const part of PARTS) if (!found.has(part)) throw missingLibrary({ source, part, foreign });
  if (headers === 0) throw missingHeaders(source);
  for (const file of found.values()) await assertBuiltFor(join(library, file.fileName), arch);
  const version =
    (await versionFrom(metadata)) ?? (await versionBeside(source)) ?? found.get('tensorflow')?.version;
  if (version !== undefined) assertSupportedVersion(version);
  await rm(metadata, { force: true });
  await linkLibraries(library, found);
  const summed =
    kind === 'folder' ? [...found.values()].map((file) => join(library, file.fileName)) : [source];
  return { kind, ...(version !== undefined && { version }), checksums: await checksums(summed) };
}

/** The names that the linker looks for (`.so`) and that the libraries call themselves (`.so.2`). */
async function linkLibraries(
  folder: string,
  found: ReadonlyMap<LibraryPart, { readonly fileName: string }>,
): Promise<void> {
  for (const part of PARTS) {
    const { fileName } = found.get(part)!;
    const name = part === 'framework' ? 'libtensorflow_framework.so' : 'libtensorflow.so';
    for (const link of [name, `${name}.2`])
      if (link !== fileName) await symlink(fileName, join(folder, link));
  }
}

const versionFrom = async (metadata: string): Promise<string | undefined> =>
  versionInMetadata(await readFile(metadata, 'utf8').catch(() => ''));

/** Of `site-packages/tensorflow`: pip writes the version into the folder next to it. */
async function versionBeside(source: string): Promise<string | undefined> {
  const parent = dirname(resolve(source));
  const names = await readdir(parent).catch(() => []);
  const beside = names.find((name) => /^tensorflow(_cpu|_intel)?-[\d.]+.*\.dist-info$/.test(name));
  return beside === undefined ? undefined : versionFrom(join(parent, beside, 'METADATA'));
}

async function checksums(paths: readonly string[]): Promise<Record<string, string>> {
  const sums: Record<string, string> = {};
  for (const path of paths) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    sums[path] = hash.digest('hex');
  }
  return sums;
}

function missingLibrary(options: { source: string; part: LibraryPart; foreign: boolean }): TriptychError {
  const { source, part, foreign } = options;
  if (foreign)
    return new TriptychError(
      'INVALID_INPUT',
      `${source} is made for another operating system; take the wheel or archive for Linux`,
    );
  const expected =
    part === 'framework'
      ? 'libtensorflow_framework.so.2'
      : 'libtensorflow_cc.so.2 (of a wheel) or libtensorflow.so.2.x (of the C archive)';
  return new TriptychError(
    'INVALID_INPUT',
    `${source} has no ${expected}; take a wheel of tensorflow or tensorflow_cpu for Linux (2.13 or newer), the archive of libtensorflow, or a folder with lib/ and include/`,
  );
}

const missingHeaders = (source: string) =>
  new TriptychError(
    'INVALID_INPUT',
    `${source} has no headers (include/tensorflow/c/*.h); a folder needs lib/ and include/ of one distribution, or give the wheel itself`,
  );
