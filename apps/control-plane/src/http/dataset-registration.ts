/** A folder of images becomes a dataset: read once, packed into the artifact store, recorded under a name. */
import { stat } from 'node:fs/promises';
import { formatNames, packDataset } from '@triptych/datasets';
import { type Dataset, RegisterDataset, TriptychError } from '@triptych/protocol';
import type { ArtifactStore } from '@triptych/storage';
import { Type } from 'typebox';
import type { Act } from '../store/audit-log.ts';
import { type DatasetStore, datasetNameTaken } from '../store/dataset-store.ts';

export interface RegistrationOptions {
  readonly datasets: DatasetStore;
  readonly artifacts: ArtifactStore;
  readonly signal: AbortSignal;
  /** Folders into which links of a dataset may lead, beside its own. */
  readonly roots?: readonly string[];
  readonly act?: Act;
}

/** The protocol's body, with the formats that this server has. */
export const registrationBody = Type.Object(
  {
    ...RegisterDataset.properties,
    format: Type.Optional(
      Type.Enum([...formatNames], {
        description:
          'How the folder is laid out; auto takes the format that is surest of it, and names the candidates where several are',
      }),
    ),
  },
  { $id: 'RegisterDataset', additionalProperties: false },
);

/** `NAME_TAKEN`; `DATASET_INVALID` where the folder cannot be read as a dataset. May take minutes. */
export async function registerDataset(body: RegisterDataset, options: RegistrationOptions): Promise<Dataset> {
  const { datasets, artifacts, signal, roots = [], act } = options;
  const { name, format = 'auto' } = body;
  if (await datasets.find(name)) throw datasetNameTaken(name);
  const { path } = body;
  await assertFolder(path);
  const packed = await packDataset({ path, format, store: artifacts, signal, roots });
  const dataset = {
    name,
    format: packed.manifest.format,
    path,
    manifest: packed.sha256,
    bytes: packed.bytes,
    splits: packed.splits,
    classNames: [...packed.manifest.classNames],
    problems: packed.problems,
  };
  return datasets.insert(dataset, act);
}

async function assertFolder(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  const actual = found ? 'a file' : 'nothing that the control plane can see';
  const violations = [
    {
      path: '/path',
      expected: 'a folder that the control plane can read',
      actual: `${actual} at ${path}`,
      remedy: 'mount it there, or correct the path',
    },
  ];
  throw new TriptychError('DATASET_INVALID', `There is ${actual} at ${path}`, { violations });
}
