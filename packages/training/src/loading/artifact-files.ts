/** Files of a stored folder, read by ranges. */
import { type ByteRanges, chunkRanges, type OpenFile } from '@triptych/nn/safetensors';
import type { ArtifactFile, ArtifactStore } from '@triptych/storage';

/**
 * A file is checked against its hash once, when it is opened, since a range of it cannot be.
 * @throws TriptychError NOT_FOUND, ARTIFACT_CORRUPT when a file is opened.
 */
export function artifactFiles(store: ArtifactStore, files: readonly ArtifactFile[]): OpenFile {
  return async (path): Promise<ByteRanges | undefined> => {
    const file = files.find((one) => one.path === path);
    if (!file) return undefined;
    await checkHash(store, file.sha256);
    return chunkRanges({ name: path, size: file.bytes }, (range) => store.read(file.sha256, range));
  };
}

async function checkHash(store: ArtifactStore, sha256: string): Promise<void> {
  for await (const _ of store.read(sha256));
}
