import { createHash } from 'node:crypto';
import type { ResolvedRunSpec } from '@triptych/protocol';

/** What may differ when a run is resumed. Everything else decides the weights. */
const withoutEffect: readonly (keyof ResolvedRunSpec)[] = [
  'name',
  'priority',
  'workers',
  'checkpoint',
  'evaluation',
  'memory',
];

/** Hash of everything that decides the weights. Names of datasets do not: their contents do. */
export function specHash(
  spec: ResolvedRunSpec,
  inputs: {
    readonly datasetManifests: readonly string[];
    readonly modelArtifact?: string | undefined;
    readonly towerArtifacts?: Readonly<Record<string, string>> | undefined;
  },
): string {
  const { dataset: _, ...rest } = spec;
  const decisive = Object.entries(rest).filter(([key]) => !withoutEffect.some((name) => name === key));
  const { keep = 'last' } = spec.checkpoint;
  if (keep !== 'last') decisive.push(['keep', keep]);
  const { datasetManifests, modelArtifact = '', towerArtifacts = {} } = inputs;
  // Runs without have the hash that they had before there were any.
  const towers = Object.keys(towerArtifacts).length > 0 ? { towerArtifacts } : {};
  return createHash('sha256')
    .update(
      JSON.stringify(sorted({ ...Object.fromEntries(decisive), datasetManifests, modelArtifact, ...towers })),
    )
    .digest('hex');
}

/** Keys in order: the spec may have been through a database that does not keep it. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
