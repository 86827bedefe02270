/** What is looked at before a folder is queued to be read: whether it is there, and may be read. */
import { stat } from 'node:fs/promises';
import { formatNames } from '@triptych/datasets';
import { RegisterDataset, TriptychError } from '@triptych/protocol';
import { Type } from 'typebox';

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

/** `DATASET_INVALID` where there is no folder at the path. */
export async function assertFolder(path: string): Promise<void> {
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
