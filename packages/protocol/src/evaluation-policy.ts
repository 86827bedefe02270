/** What of a run's spec says when it is looked at, by what, and what follows from that. */
import { type Static, Type } from 'typebox';
import { MAX_COUNT, Name, Split } from './vocabulary.ts';

const closed = { additionalProperties: false } as const;

/** Of a run, however its duration is said. */
export const MAX_STEPS = 10_000_000;

export const EvaluationTask = Type.String({ ...Name, description: 'A task of the training catalog' });
export type EvaluationTask = Static<typeof EvaluationTask>;

export const CheckpointPolicy = Type.Object(
  {
    everySteps: Type.Integer({
      minimum: 0,
      maximum: MAX_STEPS,
      description: '0 keeps only the final weights',
    }),
    keep: Type.Optional(
      Type.String({
        maxLength: 200,
        pattern: '^(last|best:[a-z0-9@_/. -]+)$',
        description:
          'Which weights are scored and published: `last`, or those that did best in validation: `best:loss`, `best:zero-shot/accuracy@1`',
      }),
    ),
  },
  closed,
);

/** While it is trained. */
export const Validation = Type.Object(
  {
    everySteps: Type.Integer({ minimum: 1, maximum: MAX_STEPS, description: 'And after the last step' }),
    split: Split,
    limit: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: MAX_COUNT,
        description: 'Look at most at this many samples of the split',
      }),
    ),
    tasks: Type.Array(EvaluationTask, {
      uniqueItems: true,
      maxItems: 8,
      description: 'To be scored by, beside the loss',
    }),
  },
  {
    ...closed,
    description:
      'The loss of held-out samples of the first dataset, by the objective that is trained, in batches as in training, and scores',
  },
);
export type Validation = Static<typeof Validation>;

export const EarlyStopping = Type.Object(
  {
    metric: Type.String({
      maxLength: 200,
      pattern: '^[a-z0-9@_/. -]+$',
      description: '`loss`, or task and metric: `zero-shot/accuracy@1`',
    }),
    patience: Type.Integer({
      minimum: 1,
      maximum: 1000,
      description: 'The run ends after so many validations in a row without a better one',
    }),
    minDelta: Type.Number({ minimum: 0, maximum: 1e9, description: 'What counts as better, at least' }),
  },
  { ...closed, description: 'The run ends before its last step where validation does not get better' },
);
export type EarlyStopping = Static<typeof EarlyStopping>;

export const EvaluationPolicy = Type.Object(
  {
    tasks: Type.Array(EvaluationTask, { uniqueItems: true, maxItems: 8 }),
    split: Split,
    baseline: Type.Boolean({ description: 'Also score the model before the first step' }),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_COUNT,
        description: 'Score at most this many samples, the first of the split',
      }),
    ),
    shots: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 64, description: 'Demonstrations in front of each prompt' }),
    ),
    sweep: Type.Optional(
      Type.Array(Type.Number({ minimum: 0, maximum: 1 }), {
        minItems: 1,
        maxItems: 21,
        uniqueItems: true,
        description:
          'Also score the weights so far on the way from the base model, at 0, to the trained one, at 1 (WiSE-FT)',
      }),
    ),
    choice: Type.Optional(
      Type.Union([Type.Literal('random'), Type.Literal('similar')], {
        description: 'How demonstrations are chosen from the train split: at random, or by image similarity',
      }),
    ),
  },
  closed,
);
export type EvaluationPolicy = Static<typeof EvaluationPolicy>;
