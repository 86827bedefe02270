/**
 * Samples and prompts as token sequences, with OpenFlamingo's rules for what is learnt (`train_utils.py`, `eval_model.py`):
 * `<image>` stands where a picture is shown, `<|endofchunk|>` ends what is said of it. Tensor-free.
 */
import type { Content, Tokenizer } from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import type { Prompt } from '../model.ts';
import type { FlamingoConfig } from './config.ts';
import type { FlamingoInputs } from './inputs.ts';
import { SequenceWriter, type TokenSequence } from './sequence-writer.ts';

/** A sample as training sees it. */
export interface Told {
  readonly id: string;
  readonly content: Content;
  readonly images: number;
  /** Which of `count` alternatives is wanted. */
  choose(count: number): number;
}

export class FlamingoText {
  readonly #tokenizer: Tokenizer;
  readonly #config: FlamingoConfig;
  readonly #inputs: FlamingoInputs;

  constructor(tokenizer: Tokenizer, config: FlamingoConfig, inputs: FlamingoInputs) {
    this.#tokenizer = tokenizer;
    this.#config = config;
    this.#inputs = inputs;
  }

  /**
   * A whole sample, with what is to be learnt of it.
   * @throws TriptychError DATASET_INVALID where it cannot be told, is too long, or has nothing to learn.
   */
  sample(sample: Told): TokenSequence {
    const writer = this.#opened();
    this.#tell(writer, sample);
    const { maxTokens, maxImages } = this.#inputs;
    const whole = writer.sequence;
    if (whole.ids.length > maxTokens || whole.images.length > maxImages) this.#refuseTooLong(sample, whole);
    const sequence = writer.cut(maxTokens, maxImages);
    // The first position is predicted by nothing.
    if (!sequence.supervised.some((one, i) => one && i > 0))
      throw invalid(sample.id, 'no token of it would be learnt; give it a text after a picture');
    return sequence;
  }

  /** What a text is generated after: demonstrations, each complete, then the pictures and the open end of the prompt. */
  prompt({ content, pictures, shots }: Prompt): TokenSequence {
    const writer = this.#opened();
    let shown = 0;
    for (const shot of shots) {
      this.#chunk(writer, { ...shot, first: shown, images: shot.pictures.length });
      shown += shot.pictures.length;
      writer.special(this.#config.end_of_chunk_token_id, false);
      writer.text(this.#inputs.separator, false);
    }
    this.#chunk(writer, { content, first: shown, images: pictures.length, open: true });
    return writer.sequence;
  }

  /** Ids of what might follow a prompt. */
  continuation(text: string): number[] {
    return this.#tokenizer.encodePiece(text, 'text');
  }

  #opened(): SequenceWriter {
    const writer = new SequenceWriter(this.#tokenizer, this.#config.image_token_id);
    for (const id of this.#tokenizer.opening) writer.opening(id);
    return writer;
  }

  #tell(writer: SequenceWriter, { id, content, images, choose }: Told): void {
    const end = this.#config.end_of_chunk_token_id;
    if (content.kind === 'interleaved') {
      this.#document(writer, content.parts);
      writer.special(end, writer.imagesShown > 0);
    } else if (content.kind === 'captions') {
      const caption = content.texts[choose(content.texts.length)]!;
      this.#chunk(writer, { content: { ...content, texts: [caption] }, first: 0, images });
      writer.special(end, true);
      if (this.#tokenizer.eosToken !== undefined) writer.special(this.#tokenizer.eosToken, true);
    } else if (content.kind === 'question') {
      const answer = content.answers[choose(content.answers.length)];
      if (answer === undefined) throw invalid(id, 'a question without an answer cannot be learnt; add one');
      this.#chunk(writer, { content: { ...content, answers: [answer] }, first: 0, images });
      writer.special(end, true);
    } else {
      const found = `got ${content.kind}; use a dataset of captions, questions or documents`;
      throw invalid(id, `Flamingo needs captions, a question or an interleaved document, ${found}`);
    }
  }

  /** Pictures and what is said of them; `open`: up to where the answer begins. */
  #chunk(
    writer: SequenceWriter,
    at: {
      readonly content: Content;
      readonly first: number;
      readonly images: number;
      readonly open?: boolean;
    },
  ): void {
    const { content, first, images, open = false } = at;
    if (content.kind === 'interleaved') {
      this.#document(writer, content.parts, first);
      return;
    }
    for (let i = 0; i < images; i++) writer.image(first + i);
    const [before, after] = this.#frame(content);
    writer.text(before, false);
    if (!open) writer.text(after, true);
  }

  /** What is given and what is answered. */
  #frame(content: Content): readonly [string, string] {
    const { captionTemplate, questionTemplate } = this.#inputs;
    if (content.kind === 'question') {
      const before = questionTemplate.slice(0, -'{answer}'.length);
      // A function: "$&" in a question means itself.
      return [before.replace('{question}', () => content.question), content.answers[0] ?? ''];
    }
    const [caption = ''] = content.kind === 'captions' ? content.texts : [];
    return [captionTemplate.slice(0, -'{caption}'.length), caption];
  }

  /** Text before the first picture is not learnt; a picture ends what was said of the one before. */
  #document(
    writer: SequenceWriter,
    parts: readonly (string | { readonly image: number })[],
    first = 0,
  ): void {
    let text = '';
    const flush = () => {
      writer.text(text.trim(), writer.imagesShown > 0);
      text = '';
    };
    for (const part of parts)
      if (typeof part === 'string') text = text === '' ? part : `${text} ${part}`;
      else {
        flush();
        if (writer.imagesShown > 0) writer.special(this.#config.end_of_chunk_token_id, true);
        writer.image(first + part.image);
      }
    flush();
  }

  #refuseTooLong({ id }: Told, { ids, images }: TokenSequence): void {
    const { maxTokens, maxImages, tooLong } = this.#inputs;
    if (tooLong === 'cut') return;
    const found = `${ids.length} tokens and ${images.length} pictures, and a text may have ${maxTokens} and ${maxImages}`;
    throw invalid(
      id,
      `it has ${found}; raise inputs.maxTokens and inputs.maxImages, or set inputs.tooLong to "cut"`,
    );
  }
}

const invalid = (id: string, problem: string) =>
  new TriptychError('DATASET_INVALID', `Sample ${id}: ${problem}`);
