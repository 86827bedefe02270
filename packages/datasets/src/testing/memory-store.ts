import { createHash } from 'node:crypto';
import type { ArtifactStoreLike } from '../pack/manifest.ts';

/** A store in a Map, for tests. */
export function memoryStore(): ArtifactStoreLike & { readonly content: Map<string, Uint8Array> } {
  const content = new Map<string, Uint8Array>();
  const get = async (sha256: string) => {
    const bytes = content.get(sha256);
    if (!bytes) throw new Error(`no artifact ${sha256}`);
    return bytes;
  };
  return {
    content,
    get,
    async put(bytes) {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      content.set(sha256, bytes.slice());
      return { sha256, bytes: bytes.length };
    },
    async *read(sha256, { offset = 0, length } = {}) {
      const bytes = await get(sha256);
      yield bytes.subarray(offset, length === undefined ? undefined : offset + length);
    },
  };
}
