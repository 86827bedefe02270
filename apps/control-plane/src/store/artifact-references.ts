/** Which artifacts the record refers to, all read in one snapshot; and since when somebody may be making new ones. */
import { liveStatuses } from '@triptych/protocol';
import type { Database } from './database.ts';

export interface ArtifactReferences {
  /** sha256 of what rows name themselves. */
  readonly direct: ReadonlySet<string>;
  /** Of these, what names further artifacts: manifests of datasets, file lists of models. */
  readonly lists: ReadonlySet<string>;
  /** Checkpoints saved since then that newer ones took the place of: nobody is about to refer to them. */
  readonly superseded: ReadonlySet<string>;
  /** The beginning of the oldest attempt that is under way: what was stored since may be named by a row that is still to come. */
  readonly writingSince: Date | undefined;
}

export async function artifactReferences({ client }: Database): Promise<ArtifactReferences> {
  // One statement is one snapshot: a row that moves from one table to another is seen in one of them.
  const rows = await client.$queryRaw<{ kind: string; sha256: string | null; since: Date | null }[]>`
    WITH live AS (SELECT * FROM runs WHERE status = ANY(${liveStatuses})),
      writing AS (SELECT min(attempts.started_at) AS since FROM attempts JOIN live ON live.id = run_id
        WHERE attempts.finished_at IS NULL)
    SELECT 'list' AS kind, manifest AS sha256, NULL::timestamptz AS since FROM datasets WHERE deleted_at IS NULL
    UNION SELECT 'list', artifact, NULL FROM models
    UNION SELECT 'file', file->>'sha256', NULL FROM models, jsonb_array_elements(files) AS file
    UNION SELECT 'list', manifest, NULL FROM live, jsonb_array_elements_text(dataset_manifests) AS manifest
    UNION SELECT 'list', datasets.manifest, NULL FROM live JOIN datasets ON datasets.id = live.dataset_id
    UNION SELECT 'list', base_artifact, NULL FROM live WHERE base_artifact IS NOT NULL
    UNION SELECT 'list', tower.value, NULL FROM live, jsonb_each_text(tower_artifacts) AS tower
    UNION SELECT 'file', checkpoints.sha256, NULL FROM checkpoints JOIN live ON live.id = run_id
      WHERE NOT superseded
    UNION SELECT 'file', detail->>'sha256', NULL FROM run_events
      WHERE type = 'log' AND detail ? 'predictions' AND detail ? 'sha256'
    UNION SELECT 'superseded', checkpoints.sha256, NULL FROM writing, checkpoints JOIN runs ON runs.id = run_id
      WHERE superseded AND (finished_at IS NULL OR finished_at >= writing.since)
    UNION SELECT 'writing', NULL, since FROM writing`;
  const of = (...kinds: string[]) =>
    new Set(rows.flatMap(({ kind, sha256 }) => (sha256 !== null && kinds.includes(kind) ? [sha256] : [])));
  return {
    direct: of('list', 'file'),
    lists: of('list'),
    superseded: of('superseded'),
    writingSince: rows.find(({ kind }) => kind === 'writing')?.since ?? undefined,
  };
}
