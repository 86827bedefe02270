/** How samples become conversations of a LLaVA: the options of a run. Tensor-free. */
import { type Static, Type } from 'typebox';
import { QuestionsTogether } from '../questions-together.ts';

const Template = Type.Union(
  [
    Type.Literal('auto'),
    Type.Literal('vicuna_v1'),
    Type.Literal('plain'),
    Type.Literal('llama_2'),
    Type.Literal('chatml'),
    Type.Literal('tokenizer'),
  ],
  {
    default: 'auto',
    description:
      'How a conversation is written. "auto": the folder\'s own chat template where it writes start and end tokens itself, otherwise vicuna_v1 (LLaVA-1.5); "plain": a picture and its caption (LLaVA\'s first stage)',
  },
);

/** LLaVA asks for short answers in these words (docs/Evaluation.md). */
export const defaultPrompts = {
  caption: 'Describe the image concisely.',
  answer: '\nAnswer the question using a single word or phrase.',
};

export const LlavaInputs = Type.Object(
  {
    template: Template,
    imagePlacement: Type.Union([Type.Literal('front'), Type.Literal('as-given')], {
      default: 'front',
      description:
        'Where the one picture of a turn stands: before its text on a line of its own, or as given',
    }),
    captionPrompt: Type.String({
      minLength: 1,
      maxLength: 2000,
      default: defaultPrompts.caption,
      description: 'What is asked for a caption; "plain" leaves it out',
    }),
    answerPrompt: Type.String({
      maxLength: 2000,
      default: defaultPrompts.answer,
      description: 'What follows every question with short answers',
    }),
    questionsTogether: QuestionsTogether,
    maxTokens: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: 65_536,
        description:
          'Tokens of the longest text that is trained on; the context of the model where it is absent',
      }),
    ),
    tooLong: Type.Union([Type.Literal('refuse'), Type.Literal('cut')], {
      default: 'refuse',
      description: 'What happens to a longer text: the run fails, or its end is left out',
    }),
  },
  { additionalProperties: false },
);
export type LlavaInputs = Static<typeof LlavaInputs>;
