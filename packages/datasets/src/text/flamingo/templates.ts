/** How Flamingo is asked: the texts around an image, as data. From mlfoundations/open_flamingo, eval/models/open_flamingo.py. */

/** `{name}` stands for a field of the sample; the image tokens come first. */
export interface FlamingoTemplate {
  readonly name: string;
  /** Up to where the model goes on. */
  readonly prompt: string;
  /** What it is to say. */
  readonly answer: string;
  /** Between a demonstration and what follows it in a prompt. */
  readonly separator: string;
  /** Where a generated text ends, beside the end tokens: the first of these words begins something new. */
  readonly stops: readonly string[];
}

const caption: FlamingoTemplate = {
  name: 'caption',
  prompt: 'Output:',
  answer: '{caption}',
  separator: '\n',
  stops: ['Output'],
};

const vqa: FlamingoTemplate = {
  name: 'vqa',
  prompt: 'Question:{question} Short answer:',
  answer: '{answer}',
  separator: '\n',
  stops: ['Question', 'Answer', 'Short'],
};

const hateful_memes: FlamingoTemplate = {
  name: 'hateful_memes',
  prompt: "is an image with: '{text}' written on it. Is it hateful? Answer:",
  answer: '{answer}',
  separator: '\n',
  stops: ['Question', 'Answer', 'is an image'],
};

/** Training on pairs: the caption alone. */
const pair: FlamingoTemplate = { name: 'pair', prompt: '', answer: '{caption}', separator: '\n', stops: [] };

export const flamingoTemplates = { pair, caption, vqa, hateful_memes } as const;
export type FlamingoTemplateName = keyof typeof flamingoTemplates;
