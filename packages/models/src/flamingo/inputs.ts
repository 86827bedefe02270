/** How samples become texts and pictures of a Flamingo: the options of a run, and prompt templates as data. Tensor-free. */
import { type Static, Type } from 'typebox';

const Template = (placeholders: string, description: string, value: string) =>
  Type.String({ pattern: placeholders, maxLength: 2000, description, default: value });

export const FlamingoInputs = Type.Object(
  {
    captionTemplate: Template(
      '\\{caption\\}$',
      'What follows a picture that is described; OpenFlamingo asks with "Output:{caption}"',
      '{caption}',
    ),
    questionTemplate: Template(
      '^[^]*\\{question\\}[^]*\\{answer\\}$',
      'What follows the pictures of a question',
      'Question:{question} Short answer:{answer}',
    ),
    separator: Type.String({
      maxLength: 100,
      default: '\n',
      description: 'Between the demonstrations of a prompt',
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
