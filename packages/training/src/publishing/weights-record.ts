/** What tells the weights of a stored model from others, and their size. Tensor-free. */
import { type ArtifactFile, sha256Of } from '@triptych/storage';

export interface WeightsRecord {
  readonly sha256: string;
  readonly bytes: number;
}

/**
 * One file's own hash; of several (shards with their index, an adapter beside its base) that of the lines `<sha256>  <path>` of
 * all, as sha256sum prints them, by path.
 * @param paths of the weights among `files`.
 */
export function weightsRecord(files: readonly ArtifactFile[], paths: readonly string[]): WeightsRecord {
  const ours = files
    .filter(({ path }) => paths.includes(path))
    .toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const lines = ours.map(({ sha256, path }) => `${sha256}  ${path}\n`).join('');
  const [first] = ours;
  if (!first || ours.length !== paths.length) throw new Error(`not all of ${paths.join(', ')} were stored`);
  return {
    sha256: ours.length === 1 ? first.sha256 : sha256Of(new TextEncoder().encode(lines)),
    bytes: ours.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** Whether a file of this name in a model's folder has weights, or says which shard has which. */
export const isWeightPath = (path: string): boolean => /^model[^/]*\.safetensors(\.index\.json)?$/.test(path);
