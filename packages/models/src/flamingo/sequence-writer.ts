/** Writes a text piece by piece, so that each token knows whether it is learnt. Tensor-free. */
import type { Tokenizer } from '@triptych/datasets';

export interface TokenSequence {
  readonly ids: readonly number[];
  /** Of every token, whether it is learnt. */
  readonly supervised: readonly boolean[];
  /** The sample's pictures, in the order in which they are shown. */
  readonly images: readonly number[];
}

export class SequenceWriter {
  readonly #tokenizer: Tokenizer;
  readonly #imageToken: number;
  readonly #ids: number[] = [];
  readonly #supervised: boolean[] = [];
  readonly #images: number[] = [];
  #before: 'start' | 'special' | 'text' = 'start';

  constructor(tokenizer: Tokenizer, imageToken: number) {
    this.#tokenizer = tokenizer;
    this.#imageToken = imageToken;
  }

  get sequence(): TokenSequence {
    return { ids: this.#ids, supervised: this.#supervised, images: this.#images };
  }

  get imagesShown(): number {
    return this.#images.length;
  }

  /** A token that stands before every text; what follows is still the start. */
  opening(id: number): void {
    this.#push(id, false);
  }

  special(id: number, supervised: boolean): void {
    this.#push(id, supervised);
    this.#before = 'special';
  }

  image(index: number): void {
    this.special(this.#imageToken, false);
    this.#images.push(index);
  }

  text(text: string, supervised: boolean): void {
    if (text === '') return;
    for (const id of this.#tokenizer.encodePiece(text, this.#before)) this.#push(id, supervised);
    this.#before = 'text';
  }

  /** The beginning of what was written: at most so many tokens and pictures. */
  cut(tokens: number, images: number): TokenSequence {
    let end = 0;
    let shown = 0;
    for (; end < Math.min(tokens, this.#ids.length); end++) {
      if (this.#ids[end] !== this.#imageToken) continue;
      if (shown === images) break;
      shown++;
    }
    return {
      ids: this.#ids.slice(0, end),
      supervised: this.#supervised.slice(0, end),
      images: this.#images.slice(0, shown),
    };
  }

  #push(id: number, supervised: boolean): void {
    this.#ids.push(id);
    this.#supervised.push(supervised);
  }
}
