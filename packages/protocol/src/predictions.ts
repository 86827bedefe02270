/**
 * What a model can be asked about pictures, and what it answers. A request carries its pictures as text; the task that a
 * worker gets is the same with their positions instead.
 */
import { type Static, type TSchema, Type } from 'typebox';
import { Text } from './text.ts';
import { Id, Name } from './vocabulary.ts';

const closed = { additionalProperties: false } as const;

/** Of one picture file. */
export const MAX_PICTURE_BYTES = 8 * 2 ** 20;
/** Of one request. */
export const MAX_PICTURES = 16;
/** Of the whole request: base64 takes four bytes for three. */
export const MAX_PREDICTION_BYTES = 48 * 2 ** 20;

const Picture = Type.String({
  minLength: 1,
  description: 'A picture file as base64, or as data:image/png;base64,...; at most 8 MiB',
});
const PicturePosition = Type.Integer({ minimum: 0, maximum: MAX_PICTURES - 1 });

const text = (description: string) => Text({ minLength: 1, maxLength: 20_000, description });

export const GenerationLimits = Type.Object(
  {
    maxNewTokens: Type.Integer({ minimum: 1, maximum: 4096 }),
    beams: Type.Integer({ minimum: 1, maximum: 16, description: 'More than 1: the text comes at the end' }),
    temperature: Type.Number({ minimum: 0, maximum: 10, description: '0: always the likeliest token' }),
    topP: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    seed: Type.Integer({ minimum: 0, maximum: 4_294_967_295 }),
    lengthPenalty: Type.Number({ minimum: -10, maximum: 10, description: 'Of beam search' }),
  },
  closed,
);
export type GenerationLimits = Static<typeof GenerationLimits>;

/** Every kind of prediction, with `P` standing where a picture is. */
const tasksWith = <P extends TSchema>(picture: P) => {
  const pictures = (minItems: number) => Type.Array(picture, { minItems, maxItems: MAX_PICTURES });
  const limits = Type.Optional(Type.Partial(GenerationLimits, closed));
  const candidates = (description: string) =>
    Type.Array(Text({ minLength: 1, maxLength: 1000 }), {
      ...{ minItems: 2, maxItems: 1000, uniqueItems: true, description },
    });
  return {
    classify: Type.Object(
      {
        kind: Type.Literal('classify', { description: 'Which of these labels a picture has' }),
        image: picture,
        labels: candidates('Candidate labels'),
        templates: Type.Optional(
          Type.Array(Type.String({ pattern: '\\{\\}', maxLength: 1000 }), {
            ...{ minItems: 1, maxItems: 100, uniqueItems: true },
            description:
              'Sentences that a model with embeddings sees instead of a bare label, which replaces {}; by default those that it is scored with',
          }),
        ),
        question: Type.Optional(
          text('Of a model with likelihoods: what the labels answer; absent: they are captions'),
        ),
      },
      closed,
    ),
    'match-captions': Type.Object(
      {
        kind: Type.Literal('match-captions', { description: 'Which of these captions fits a picture best' }),
        image: picture,
        captions: candidates('Candidate captions'),
      },
      closed,
    ),
    'match-images': Type.Object(
      {
        kind: Type.Literal('match-images', { description: 'Which of these pictures fits a text best' }),
        text: text('What is looked for'),
        images: pictures(2),
      },
      closed,
    ),
    caption: Type.Object(
      {
        kind: Type.Literal('caption', { description: 'A caption of a picture' }),
        image: picture,
        shots: Type.Optional(
          Type.Array(Type.Object({ image: picture, caption: text('Its caption') }, closed), {
            maxItems: MAX_PICTURES,
            description: 'Demonstrations, in front of the picture that is asked about',
          }),
        ),
        limits,
      },
      closed,
    ),
    answer: Type.Object(
      {
        kind: Type.Literal('answer', { description: 'A short answer to a question about pictures' }),
        images: pictures(1),
        question: text('What is asked'),
        shots: Type.Optional(
          Type.Array(
            Type.Object(
              { images: pictures(1), question: text('What was asked'), answer: text('What was right') },
              closed,
            ),
            { maxItems: MAX_PICTURES, description: 'Demonstrations, in front of the question' },
          ),
        ),
        limits,
      },
      closed,
    ),
    chat: Type.Object(
      {
        kind: Type.Literal('chat', { description: 'The next turn of a conversation about pictures' }),
        messages: Type.Array(
          Type.Object(
            {
              role: Type.Union([Type.Literal('system'), Type.Literal('user'), Type.Literal('assistant')]),
              text: text(
                'Each <image> in it shows the next of its pictures; without one they all come first',
              ),
              images: Type.Optional(pictures(0)),
            },
            closed,
          ),
          { minItems: 1, maxItems: 200, description: 'In turn; the last one is of the user' },
        ),
        limits,
      },
      closed,
    ),
  };
};

const tasks = tasksWith(PicturePosition);
const asked = tasksWith(Picture);

/** What a worker is asked; pictures are positions in the list that comes with it. */
export const PredictionTask = Type.Union(Object.values(tasks));
export type PredictionTask = Static<(typeof tasks)[PredictionKind]>;
export type PredictionKind = keyof typeof tasks;
export const predictionKinds = Object.keys(tasks) as readonly PredictionKind[];
export type TaskOf<K extends PredictionKind> = Static<(typeof tasks)[K]>;

const common = {
  model: Type.String({ ...Name, description: 'Id or name of a trained or imported model' }),
  inputs: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), {
      description:
        'Options of the architecture: how prompts are written; by default those that the model was trained with',
    }),
  ),
};
const streamed = {
  stream: Type.Optional(
    Type.Boolean({
      description:
        'Answer with server-sent events: "text" with each piece, "done" with the whole, or "error" with a problem',
    }),
  ),
};

/** By kind: a body is checked against the schema of its kind alone, so that its problems are the user's. */
export const predictionRequests = {
  classify: Type.Object({ ...common, ...asked.classify.properties }, { ...closed, $id: 'ClassifyRequest' }),
  'match-captions': Type.Object(
    { ...common, ...asked['match-captions'].properties },
    { ...closed, $id: 'MatchCaptionsRequest' },
  ),
  'match-images': Type.Object(
    { ...common, ...asked['match-images'].properties },
    { ...closed, $id: 'MatchImagesRequest' },
  ),
  caption: Type.Object(
    { ...common, ...streamed, ...asked.caption.properties },
    { ...closed, $id: 'CaptionRequest' },
  ),
  answer: Type.Object(
    { ...common, ...streamed, ...asked.answer.properties },
    { ...closed, $id: 'AnswerRequest' },
  ),
  chat: Type.Object({ ...common, ...streamed, ...asked.chat.properties }, { ...closed, $id: 'ChatRequest' }),
};
export const PredictionRequest = Type.Union(Object.values(predictionRequests), { $id: 'PredictionRequest' });
export type PredictionRequest = Static<(typeof predictionRequests)[PredictionKind]>;
/** Those whose answer is a text, which can be streamed. */
export type TextPredictionRequest = Extract<PredictionRequest, { kind: 'caption' | 'answer' | 'chat' }>;

const Ranked = Type.Object(
  {
    kind: Type.Union([
      Type.Literal('classify'),
      Type.Literal('match-captions'),
      Type.Literal('match-images'),
    ]),
    measure: Type.Union([Type.Literal('cosine'), Type.Literal('log-likelihood')], {
      description: 'What the scores are',
    }),
    ranking: Type.Array(
      Type.Object(
        {
          index: Type.Integer({ description: 'Position among the candidates of the request' }),
          text: Type.Optional(Type.String({ description: 'The candidate, where it is a text' })),
          score: Type.Number(),
          probability: Type.Number({ description: 'That it is this one, if it is one of them' }),
          tokens: Type.Optional(Type.Integer({ description: 'Tokens of which a log-likelihood is the sum' })),
        },
        closed,
      ),
      { description: 'All candidates, the best first' },
    ),
  },
  closed,
);
const Written = Type.Object(
  {
    kind: Type.Union([Type.Literal('caption'), Type.Literal('answer'), Type.Literal('chat')]),
    text: Type.String(),
  },
  closed,
);

export const PredictionResult = Type.Union([Ranked, Written]);
export type PredictionResult = Static<typeof PredictionResult>;

const circumstances = {
  model: Type.String({ description: 'Id of the model' }),
  architecture: Type.String(),
  workerId: Id,
  seconds: Type.Number({
    description: 'From the request to the answer, waiting and opening the model included',
  }),
};
export const Prediction = Type.Union(
  [
    Type.Object({ ...circumstances, ...Ranked.properties }, { ...closed, $id: 'RankedPrediction' }),
    Type.Object({ ...circumstances, ...Written.properties }, { ...closed, $id: 'WrittenPrediction' }),
  ],
  { $id: 'Prediction' },
);
export type Prediction = Static<typeof Prediction>;
