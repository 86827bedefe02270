/** Samples and prompts as token sequences: which template a run uses, and what is refused. The label rules are in datasets. */
import {
  type Content,
  encodeFewShotPrompt,
  encodeInterleaved,
  encodePair,
  type Fields,
  type FlamingoTemplate,
  flamingoTemplates,
  type SampleTokens,
  type Tokenizer,
  truncate,
} from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import type { Example, Prompt } from '../model.ts';
import { withCompanions } from '../questions-together.ts';
import type { FlamingoInputs } from './inputs.ts';

/** A sample as training sees it. */
export interface Told {
  readonly id: string;
  readonly content: Content;
  readonly images: number;
  /** Which of `count` alternatives is wanted. */
  choose(count: number): number;
  readonly companions?: Example['companions'];
}

export class FlamingoText {
  readonly #tokenizer: Tokenizer;
  readonly #inputs: FlamingoInputs;

  constructor(tokenizer: Tokenizer, inputs: FlamingoInputs) {
    this.#tokenizer = tokenizer;
    this.#inputs = inputs;
  }

  /**
   * A whole sample, with what is to be learnt of it.
   * @throws TriptychError DATASET_INVALID where it cannot be told, is too long, or has nothing to learn.
   */
  sample(sample: Told): SampleTokens {
    try {
      return this.#fitted(this.#told(sample));
    } catch (error) {
      if (!(error instanceof TriptychError)) throw error;
      const message = `Sample ${sample.id}: ${error.message}`;
      throw new TriptychError('DATASET_INVALID', message, { cause: error });
    }
  }

  /**
   * What a text is generated after: demonstrations, each complete, then the pictures and the open end of the prompt.
   * @throws TriptychError INVALID_INPUT for demonstrations of another kind, or with another number of pictures.
   */
  prompt({ content, pictures, shots }: Prompt): SampleTokens {
    const template = this.template(content);
    const textOnly = shots.length > 0 && shots.every((shot) => shot.pictures.length === 0);
    const strange = shots.find(
      (shot) => shot.content.kind !== content.kind || (!textOnly && shot.pictures.length !== pictures.length),
    );
    if (strange !== undefined)
      throw new TriptychError(
        'INVALID_INPUT',
        `A demonstration is ${described(strange)}, the prompt is ${described({ content, pictures })}; demonstrations are of the prompt's kind, with as many pictures, or all without any`,
      );
    return encodeFewShotPrompt(fieldsOf(content), template, {
      tokenizer: this.#tokenizer,
      demonstrations: shots.map((shot) => ({ ...fieldsOf(shot.content), ...answerOf(shot.content, 0) })),
      textOnly,
      images: pictures.length,
    });
  }

  /** Ids of what might follow a prompt. */
  continuation(text: string): number[] {
    return this.#tokenizer.encodePiece(text, 'text');
  }

  /** @throws TriptychError INVALID_INPUT for content that has none. */
  template(content: Content): FlamingoTemplate {
    const { captionTemplate, questionTemplate } = this.#inputs;
    if (content.kind === 'captions') return flamingoTemplates[captionTemplate];
    if (content.kind === 'question') return flamingoTemplates[questionTemplate];
    throw new TriptychError(
      'INVALID_INPUT',
      `Flamingo has no template for content of kind "${content.kind}"; use captions or a question`,
    );
  }

  #told({ content, images, choose, companions }: Told): SampleTokens {
    const tokenizer = this.#tokenizer;
    if (content.kind === 'interleaved') return encodeInterleaved(content, { tokenizer, images });
    const template = this.template(content);
    const count = alternatives(content).length;
    if (count === 0)
      throw new TriptychError('INVALID_INPUT', 'there is nothing to answer with; add an answer');
    const fields = { ...fieldsOf(content), ...answerOf(content, choose(count)) };
    const labels = this.#inputs.learnQuestions || content.kind === 'captions' ? 'text' : 'answer';
    const options = { tokenizer, images, labels } as const;
    const together = withCompanions({ content, companions }, this.#inputs, (all) => {
      const following = all.map(({ question, answer }) => ({ question, text: question, answer }));
      return encodePair(fields, template, { ...options, following });
    });
    return together ?? encodePair(fields, template, options);
  }

  #fitted(sample: SampleTokens): SampleTokens {
    const { maxTokens, maxImages, tooLong } = this.#inputs;
    const { ids, images } = sample;
    if (ids.length <= maxTokens && images.length <= maxImages) return sample;
    if (tooLong === 'refuse')
      throw new TriptychError(
        'INVALID_INPUT',
        `${ids.length} tokens and ${images.length} pictures, where ${maxTokens} and ${maxImages} are allowed; raise inputs.maxTokens and inputs.maxImages, or set inputs.tooLong to "cut"`,
      );
    return truncate(sample, Math.min(maxTokens, images[maxImages]?.at ?? maxTokens));
  }
}

/** Captions, or answers. */
const alternatives = (content: Content): readonly string[] => {
  if (content.kind === 'captions') return content.texts;
  return content.kind === 'question' ? content.answers : [];
};

/** What is given; a meme's text comes in place of a question. */
const fieldsOf = (content: Content): Fields =>
  content.kind === 'question' ? { question: content.question, text: content.question } : {};

function answerOf(content: Content, index: number): Fields {
  const text = alternatives(content)[index];
  return text === undefined ? {} : { [content.kind === 'captions' ? 'caption' : 'answer']: text };
}

const described = ({ content, pictures }: Pick<Prompt, 'content' | 'pictures'>): string =>
  `of kind "${content.kind}" with ${pictures.length} pictures`;
