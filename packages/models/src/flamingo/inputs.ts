/** How samples become texts and pictures of a Flamingo: the options of a run. Tensor-free. */
import { type Static, Type } from 'typebox';
import { QuestionsTogether } from '../questions-together.ts';

export const FlamingoInputs = Type.Object(
  {
    captionTemplate: Type.Union([Type.Literal('pair'), Type.Literal('caption')], {
      default: 'pair',
      description:
        'Before a caption: nothing, as OpenFlamingo trains ("pair"), or "Output:", as it evaluates',
    }),
    questionTemplate: Type.Union([Type.Literal('vqa'), Type.Literal('hateful_memes')], {
      default: 'vqa',
      description: 'How a question is put: see the templates of OpenFlamingo',
    }),
    learnQuestions: Type.Boolean({
      default: false,
      description: 'Learn the words of questions too, not their answers alone',
    }),
    questionsTogether: QuestionsTogether,
    demonstrations: Type.Integer({
      minimum: 0,
      maximum: 32,
      default: 0,
      description:
        'At most so many other samples, each with its pictures, are trained on in front of a caption or a question in the same text, as far as they fit: what few-shot prompts need',
    }),
    maxTokens: Type.Integer({
      minimum: 2,
      maximum: 65_536,
      default: 128,
      description: 'Tokens of the longest text that is trained on',
    }),
    maxImages: Type.Integer({
      minimum: 1,
      maximum: 64,
      default: 6,
      description: 'Most pictures that a text is trained on shows',
    }),
    tooLong: Type.Union([Type.Literal('refuse'), Type.Literal('cut')], {
      default: 'refuse',
      description:
        'What happens to a text that is longer, or shows more pictures: the run fails, or its end is left out',
    }),
  },
  { additionalProperties: false },
);
export type FlamingoInputs = Static<typeof FlamingoInputs>;
