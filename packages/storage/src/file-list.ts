/**
 * Several files as one artifact: a JSON list of paths and hashes, itself stored by hash. Equal files give an equal list,
 * byte for byte, in whatever order they were handed in.
 */
import { invalidInput, parse, Sha256, TriptychError } from '@triptych/protocol';
import { type Static, Type } from 'typebox';
import type { ArtifactStore, StoredArtifact } from './artifact-store.ts';

const closed = { additionalProperties: false } as const;

export const ArtifactFile = Type.Object(
  {
    path: Type.String({ minLength: 1, maxLength: 1000, description: 'Relative, with forward slashes' }),
    sha256: Sha256,
    bytes: Type.Integer({ minimum: 0 }),
  },
  closed,
);
export type ArtifactFile = Static<typeof ArtifactFile>;

export const FileList = Type.Object({ files: Type.Array(ArtifactFile) }, closed);
export type FileList = Static<typeof FileList>;

export interface NamedContent {
  readonly path: string;
  readonly content: Uint8Array | AsyncIterable<Uint8Array>;
}

/** Stores every file, then the list. `sha256` and `bytes` are those of the list. */
export async function putFiles(
  store: ArtifactStore,
  files: readonly NamedContent[],
): Promise<StoredArtifact & { readonly files: ArtifactFile[] }> {
  return putFileList(store, await putContents(store, files));
}

/** The first half of {@link putFiles}, for a folder of which some files tell of others. One after another. */
export async function putContents(
  store: ArtifactStore,
  files: readonly NamedContent[],
): Promise<ArtifactFile[]> {
  assertPaths(files.map(({ path }) => path));
  const stored: ArtifactFile[] = [];
  for (const { path, content } of files) {
    const { sha256, bytes } = await store.put(content);
    stored.push({ path, sha256, bytes });
  }
  return stored;
}

/** The second half: files that are stored become one folder, in the order of their paths. */
export async function putFileList(
  store: ArtifactStore,
  stored: readonly ArtifactFile[],
): Promise<StoredArtifact & { readonly files: ArtifactFile[] }> {
  assertPaths(stored.map(({ path }) => path));
  const files = stored.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const artifact = await store.put(new TextEncoder().encode(JSON.stringify({ files })));
  return { ...artifact, files };
}

/** The list behind a hash. ARTIFACT_CORRUPT where the artifact is no file list, or names a path outside its own folder. */
export async function readFileList(store: ArtifactStore, sha256: string): Promise<FileList> {
  const text = new TextDecoder().decode(await store.get(sha256));
  try {
    const list = parse(FileList, JSON.parse(text), 'file list');
    assertPaths(list.files.map(({ path }) => path));
    return list;
  } catch (cause) {
    throw new TriptychError('ARTIFACT_CORRUPT', `Artifact ${sha256} is not a file list`, { cause });
  }
}

/**
 * Reads every file of a list back. NOT_FOUND where one is missing, ARTIFACT_CORRUPT where its bytes are not those of its hash or
 * not as many as the list says.
 */
export async function verifyFiles(store: ArtifactStore, { files }: FileList): Promise<void> {
  for (const { path, sha256, bytes } of files) {
    let read = 0;
    for await (const piece of store.read(sha256)) read += piece.byteLength;
    if (read !== bytes)
      throw new TriptychError('ARTIFACT_CORRUPT', `${path} has ${read} bytes, its list says ${bytes}`);
  }
}

/** Whoever unpacks a list writes to these paths: none may lead out of the folder, and no two may be the same. */
function assertPaths(paths: readonly string[]): void {
  const violations = paths
    .map((path, index) => ({ path, index }))
    .filter(({ path, index }) => !isInside(path) || paths.indexOf(path) !== index)
    .map(({ path, index }) => ({
      path: `/files/${index}/path`,
      expected: 'a relative path with forward slashes, without "." or ".." parts, once',
      actual: JSON.stringify(path),
      remedy: 'rename the file',
    }));
  if (violations.length > 0) throw invalidInput('file list', violations);
}

const isInside = (path: string): boolean =>
  !/[\\\0:]/.test(path) && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
