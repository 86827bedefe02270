/** Runs beside each other: what each scored on the same data, and where their specs differ. */
import { type Static, Type } from 'typebox';
import { Score } from './runs.ts';
import { Id, Sha256, Split } from './vocabulary.ts';

const closed = { additionalProperties: false } as const;

export const MOST_COMPARED = 20;

export const RunComparison = Type.Object(
  {
    runs: Type.Array(
      Type.Object(
        {
          id: Id,
          name: Type.Optional(Type.String()),
          status: Type.String(),
          step: Type.Integer(),
          weightsSha256: Type.Optional(Sha256),
        },
        closed,
      ),
      { description: 'In the order in which they were named; so are all values' },
    ),
    data: Type.Object(
      {
        manifest: Sha256,
        split: Split,
        limit: Type.Optional(Type.Integer()),
      },
      { ...closed, description: 'What all of them were scored on' },
    ),
    scores: Type.Array(
      Type.Object(
        {
          ...{ task: Type.String(), metric: Type.String(), unit: Score.properties.unit },
          chance: Type.Optional(Type.Number()),
          values: Type.Array(Type.Union([Type.Number(), Type.Null()]), {
            description: 'Of what each published; null: it was not scored so',
          }),
        },
        closed,
      ),
    ),
    differences: Type.Array(
      Type.Object(
        {
          path: Type.String({ description: 'JSON pointer into the resolved specs' }),
          values: Type.Array(Type.Unknown(), { description: 'null: the spec does not have it' }),
        },
        closed,
      ),
      { description: 'Of the specs, but for names and what changes neither weights nor scores' },
    ),
  },
  { ...closed, $id: 'RunComparison' },
);
export type RunComparison = Static<typeof RunComparison>;
