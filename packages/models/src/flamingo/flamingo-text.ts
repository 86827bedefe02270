/** Samples and prompts as token sequences: which template a run uses, and what is refused. The label rules are in datasets. */
import {
  type Content,
  encodeFewShotPrompt,
  encodeInterleaved,
  encodePairs,
  type Fields,
  type FlamingoTemplate,
  flamingoTemplates,
  type PicturePairs,
  type SampleTokens,
  type Tokenizer,
  truncate,
} from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import type { AnsweredQuestion, Example, Prompt } from '../model.ts';
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
  demonstrations?(count: number): readonly this[];
}

/** A text, and the samples that it tells of in the order of its pictures. */
export interface TextOfSamples<S> {
  readonly tokens: SampleTokens;
  readonly samples: readonly S[];
}

export class FlamingoText {
  readonly #tokenizer: Tokenizer;
  readonly #inputs: FlamingoInputs;

  constructor(tokenizer: Tokenizer, inputs: FlamingoInputs) {
    this.#tokenizer = tokenizer;
    this.#inputs = inputs;
  }

  /**
   * A whole sample, with what is to be learnt of it, and others in front of it where the run wants demonstrations.
   * @throws TriptychError DATASET_INVALID where it cannot be told, is too long, or has nothing to learn.
   */
  sample<S extends Told>(sample: S): TextOfSamples<S> {
    try {
      return this.#demonstrated(sample) ?? { tokens: this.#fitted(this.#told(sample)), samples: [sample] };
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

  /** With as many demonstrations as fit; undefined where not one does, or none is wanted. */
  #demonstrated<S extends Told>(sample: S): TextOfSamples<S> | undefined {
    const { content } = sample;
    if (this.#inputs.demonstrations === 0 || content.kind === 'interleaved') return undefined;
    const all = sample.demonstrations?.(this.#inputs.demonstrations) ?? [];
    const together = content.kind === 'question' ? this.#inputs.questionsTogether - 1 : 0;
    const own = this.#pairs(sample, sample.companions?.(together));
    for (let count = all.length; count > 0; count--) {
      const others = all.slice(0, count);
      const tokens = this.#encoded([...others.map((one) => this.#pairs(one)), own], content);
      if (this.#fits(tokens)) return { tokens, samples: [...others, sample] };
    }
    return undefined;
  }

  #told(sample: Told): SampleTokens {
    const { content, images, companions } = sample;
    const tokenizer = this.#tokenizer;
    if (content.kind === 'interleaved') return encodeInterleaved(content, { tokenizer, images });
    const together = withCompanions({ content, companions }, this.#inputs, (all) =>
      this.#encoded([this.#pairs(sample, all)], content),
    );
    return together ?? this.#encoded([this.#pairs(sample)], content);
  }

  #pairs({ content, images, choose }: Told, companions: readonly AnsweredQuestion[] = []): PicturePairs {
    // Refuses content that has none.
    this.template(content);
    const count = alternatives(content).length;
    if (count === 0)
      throw new TriptychError('INVALID_INPUT', 'there is nothing to answer with; add an answer');
    const following = companions.map(({ question, answer }) => ({ question, text: question, answer }));
    return { images, pairs: [{ ...fieldsOf(content), ...answerOf(content, choose(count)) }, ...following] };
  }

  #encoded(samples: readonly PicturePairs[], content: Content): SampleTokens {
    const labels = this.#inputs.learnQuestions || content.kind === 'captions' ? 'text' : 'answer';
    return encodePairs(samples, this.template(content), { tokenizer: this.#tokenizer, labels });
  }

  #fits({ ids, images }: SampleTokens): boolean {
    const { maxTokens, maxImages } = this.#inputs;
    return ids.length <= maxTokens && images.length <= maxImages;
  }

  #fitted(sample: SampleTokens): SampleTokens {
    const { maxTokens, maxImages, tooLong } = this.#inputs;
    const { ids, images } = sample;
    if (this.#fits(sample)) return sample;
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
