/** Samples and prompts as the token sequences of a conversation; answers and what ends them are learnt. Tensor-free. */
import {
  type ChatTemplate,
  type Content,
  type ConversationOptions,
  captionTurns,
  chatTemplate,
  encodeChatPrompt,
  encodeConversation,
  IMAGE_TAG,
  questionTurns,
  type SampleTokens,
  stopTokens,
  type Tokenizer,
  type Turn,
} from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import type { Example, Prompt } from '../model.ts';
import { withCompanions } from '../questions-together.ts';
import type { LlavaConfig } from './config.ts';
import type { LlavaInputs } from './inputs.ts';

export class LlavaText {
  readonly #tokenizer: Tokenizer;
  readonly #inputs: LlavaInputs;
  readonly #template: ChatTemplate;
  readonly #imageTokens: NonNullable<ConversationOptions['image']>;
  readonly #maxTokens: number;

  /** @throws TriptychError MODEL_INVALID where the tokenizer has no template, INVALID_INPUT where texts may outgrow the model. */
  constructor(tokenizer: Tokenizer, config: LlavaConfig, inputs: LlavaInputs) {
    const context = config.text_config.max_position_embeddings;
    this.#tokenizer = tokenizer;
    this.#inputs = inputs;
    this.#template = templateOf(tokenizer, inputs);
    this.#maxTokens = inputs.maxTokens ?? context;
    this.#imageTokens = {
      token: tokenizer.tokenOf(config.image_token_index) ?? IMAGE_TAG,
      perImage: config.image_seq_length,
    };
    if (this.#maxTokens > context) {
      const message = `inputs.maxTokens: expected at most ${context}, the context of the model, got ${this.#maxTokens}`;
      throw new TriptychError('INVALID_INPUT', `${message}; lower it`);
    }
  }

  /**
   * A whole sample, with what is learnt of it.
   * @throws TriptychError DATASET_INVALID where it is no conversation, is too long, or has nothing to learn.
   */
  sample(sample: Pick<Example, 'id' | 'content' | 'images' | 'choose' | 'companions'>): SampleTokens {
    const { id, images } = sample;
    const limit = this.#maxTokens;
    try {
      const turns = this.#turns(sample.content, images, sample.choose);
      const together = this.#together(turns, sample);
      if (together) return together;
      const whole = encodeConversation(turns, this.#options(images));
      if (whole.ids.length <= limit) return whole;
      if (this.#inputs.tooLong === 'cut')
        return encodeConversation(turns, { ...this.#options(images), contextLength: limit });
      const found = `it has ${whole.ids.length} tokens, and a text may have ${limit}`;
      throw invalid(id, `${found}; raise inputs.maxTokens, or set inputs.tooLong to "cut"`);
    } catch (error) {
      if (!(error instanceof TriptychError) || error.code !== 'INVALID_INPUT') throw error;
      throw invalid(id, error.message, error);
    }
  }

  /** What an answer is generated after: demonstrations as earlier turns, then the open question. Pictures in that order. */
  prompt({ content, pictures, shots }: Prompt): SampleTokens {
    const shown = shots.flatMap((shot) => this.#turns(shot.content, shot.pictures.length, () => 0));
    const images = shots.reduce((sum, shot) => sum + shot.pictures.length, pictures.length);
    const asked = this.#turns(content, pictures.length);
    return encodeChatPrompt([...shown, ...asked], this.#options(images));
  }

  /** Ids of an answer as the template writes it, without what ends it. */
  continuation(text: string): number[] {
    const turns = [
      { role: 'user', text: `${IMAGE_TAG}\n?` },
      { role: 'assistant', text },
    ] as const;
    const { ids, supervised } = encodeConversation(turns, this.#options(1));
    const answer = [...ids].filter((_, i) => supervised[i] === 1);
    return answer.slice(0, answer.findLastIndex((id) => !this.stopTokens.includes(id)) + 1);
  }

  /** Where a generated answer ends. */
  get stopTokens(): number[] {
    // A first-stage caption ends with a line break, which is no token of its own kind.
    const lineBreak = this.#isPlain ? this.#tokenizer.encodePiece('\n', 'text') : [];
    return [...stopTokens(this.#template, this.#tokenizer), ...(lineBreak.length === 1 ? lineBreak : [])];
  }

  /** `choose` picks the answer; absent: the conversation stays open. */
  #turns(content: Content, images: number, choose?: (count: number) => number): readonly Turn[] {
    const open = choose === undefined;
    if (content.kind === 'conversation') return content.turns;
    if (content.kind === 'question') {
      const { question, answers } = content;
      const suffix = this.#inputs.answerPrompt;
      if (open) return questionTurns({ question, images, suffix });
      const answer = answers[choose(answers.length)];
      if (answer === undefined) throw unusable('a question without an answer cannot be learnt; add one');
      return questionTurns({ question, images, suffix, answer });
    }
    if (content.kind === 'captions') {
      const caption = open ? '' : content.texts[choose(content.texts.length)]!;
      const turns = this.#isPlain ? captionTurns(caption) : this.#describing(caption, images);
      return open ? turns.slice(0, 1) : turns;
    }
    throw unusable(
      `LLaVA needs a conversation, a question or captions, got ${content.kind}; use another dataset, or Flamingo for documents`,
    );
  }

  /** The turns and the companions that the run asks for; undefined for none. */
  #together(
    turns: readonly Turn[],
    sample: Pick<Example, 'content' | 'images' | 'companions'>,
  ): SampleTokens | undefined {
    const { questionsTogether, answerPrompt: suffix } = this.#inputs;
    if (this.#isPlain) return undefined;
    return withCompanions(sample, { questionsTogether, maxTokens: this.#maxTokens }, (companions) => {
      const more = companions.flatMap((one) => questionTurns({ ...one, images: 0, suffix }));
      return encodeConversation([...turns, ...more], this.#options(sample.images));
    });
  }

  get #isPlain(): boolean {
    return this.#template.kind === 'written' && this.#template.name === 'plain';
  }

  #describing(caption: string, images: number): Turn[] {
    return [
      { role: 'user', text: `${`${IMAGE_TAG}\n`.repeat(images)}${this.#inputs.captionPrompt}` },
      { role: 'assistant', text: caption },
    ];
  }

  #options(images: number): ConversationOptions {
    return {
      tokenizer: this.#tokenizer,
      template: this.#template,
      images,
      image: this.#imageTokens,
      placement: this.#inputs.imagePlacement,
      // Lengths are this class' business.
      contextLength: Number.MAX_SAFE_INTEGER,
    };
  }
}

/** A template that writes neither start nor end (that of the published LLaVA-1.5) would not teach a model to stop. */
function templateOf(tokenizer: Tokenizer, { template }: LlavaInputs): ChatTemplate {
  if (template !== 'auto') return chatTemplate(template, tokenizer);
  const own = tokenizer.chatTemplate ?? '';
  const complete = own.includes('bos_token') && own.includes('eos_token');
  return chatTemplate(complete ? 'tokenizer' : 'vicuna_v1', tokenizer);
}

const unusable = (problem: string) => new TriptychError('INVALID_INPUT', problem);

const invalid = (id: string, problem: string, cause?: unknown) =>
  new TriptychError('DATASET_INVALID', `Sample ${id}: ${problem}`, { cause });
