/** What a trained model was made from, as `triptych.json` in its folder: enough to train it again, and to compare. */
import { type Static, Type } from 'typebox';
import { Numerics } from './numerics.ts';
import { Name, Sha256 } from './vocabulary.ts';

export const PROVENANCE_FILE = 'triptych.json';

/** Files of a trained model's folder that tell of its run: no model that is made from it has them. */
export const isOfTheRun = (path: string): boolean => path === 'README.md' || path === PROVENANCE_FILE;

const closed = { additionalProperties: false } as const;
const fileList = Type.String({ ...Sha256, description: 'sha256 of the file list of the model' });

export const Provenance = Type.Object(
  {
    layout: Type.Literal(1),
    architecture: Type.String(),
    spec: Type.Record(Type.String(), Type.Unknown(), {
      description: 'The resolved spec of the run: every default is in it',
    }),
    datasets: Type.Array(Type.Object({ name: Name, manifest: Sha256 }, closed), {
      minItems: 1,
      description: 'In the order of the spec; the hash of the manifest names the content',
    }),
    base: Type.Object(
      { name: Name, artifact: Type.Optional(fileList) },
      {
        ...closed,
        description: 'Where training began; without a file list: a preset, with weights drawn by the seed',
      },
    ),
    towers: Type.Optional(
      Type.Record(Type.String(), fileList, { description: 'Models that towers were taken from, by tower' }),
    ),
    steps: Type.Integer({ minimum: 0 }),
    weightsStep: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Whose weights these are, where not those of the last step' }),
    ),
    samples: Type.Integer({ minimum: 0, description: 'Samples seen' }),
    samplesDigest: Type.String({ description: 'Of which samples, in which order' }),
    numerics: Type.Optional(Numerics),
  },
  { ...closed, $id: 'Provenance' },
);
export type Provenance = Static<typeof Provenance>;
