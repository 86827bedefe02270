/** How samples become conversations of a LLaVA: the options of a run. Tensor-free. */
import type { ChatTemplateName, ImagePlacement } from '@triptych/datasets';
import { type Static, Type } from 'typebox';

const templates = [
  'vicuna_v1',
  'plain',
  'llama_2',
  'chatml',
  'tokenizer',
] as const satisfies readonly ChatTemplateName[];
const placements = ['front', 'as-given'] as const satisfies readonly ImagePlacement[];
const oneOf = <T extends string>(names: readonly T[], options: { default: T; description: string }) =>
  Type.Union(
    names.map((name) => Type.Literal(name)),
    options,
  );

export const LlavaInputs = Type.Object(
  {
    template: oneOf(['auto', ...templates], {
      default: 'auto',
      description:
        'How a conversation is written. "auto": the folder\'s own chat template where it writes start and end tokens itself, otherwise vicuna_v1 (LLaVA-1.5); "plain": a picture and its caption (LLaVA\'s first stage)',
    }),
    imagePlacement: oneOf(placements, {
      default: 'front',
      description:
        'Where the one picture of a turn stands: before its text on a line of its own, or as given',
    }),
    captionPrompt: Type.String({
      minLength: 1,
      maxLength: 2000,
      default: 'Describe the image concisely.',
      description: 'What is asked for a caption; "plain" leaves it out',
    }),
    answerPrompt: Type.String({
      maxLength: 2000,
      default: '\nAnswer the question using a single word or phrase.',
      description: 'What follows every question with short answers',
    }),
    maxTokens: Type.Optional(
      Type.Integer({
        minimum: 2,
        maximum: 65_536,
        description:
          'Tokens of the longest text that is trained on; the context of the model where it is absent',
      }),
    ),
    tooLong: oneOf(['refuse', 'cut'], {
      default: 'refuse',
      description: 'What happens to a longer text: the run fails, or its end is left out',
    }),
  },
  { additionalProperties: false },
);
export type LlavaInputs = Static<typeof LlavaInputs>;
