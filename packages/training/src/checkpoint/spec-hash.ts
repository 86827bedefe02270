import { createHash } from 'node:crypto';
import type { ResolvedRunSpec } from '@triptych/protocol';

/**
 * Hash of everything that decides the weights: not the number of workers, how activations are kept, the evaluation, the
 * checkpoint interval, the name or the priority, all of which may differ when a run is resumed.
 */
export function specHash(
  spec: ResolvedRunSpec,
  inputs: { readonly datasetManifest: string; readonly modelArtifact?: string | undefined },
): string {
  const { model, seed, objective, duration, batch, optimizer, schedule } = spec;
  const decisive = { model, seed, objective, duration, batch, optimizer, schedule };
  const { datasetManifest, modelArtifact = '' } = inputs;
  return createHash('sha256')
    .update(JSON.stringify(sorted({ ...decisive, datasetManifest, modelArtifact })))
    .digest('hex');
}

/** Keys in order: the spec may have been through a database that does not keep it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
