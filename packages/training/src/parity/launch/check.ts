/** One result of a golden case beside ours. */

export type Check = NumbersCheck | ExactCheck | MissingCheck;

/** A tensor or a number: max|ours - expected| <= relative * max|expected| + absolute. */
export interface NumbersCheck {
  readonly kind: 'numbers';
  readonly name: string;
  /** Infinite (null in JSON) where numbers are missing or are none. */
  readonly largestAbsolute: number;
  readonly largestRelative: number;
  readonly tolerance: { readonly relative: number; readonly absolute: number };
  readonly allowed: number;
  readonly within: boolean;
}

/** Ids, texts, bits: equal or not. */
export interface ExactCheck {
  readonly kind: 'exact';
  readonly name: string;
  readonly items: number;
  readonly different: number;
  readonly within: boolean;
  /** Which ones differ, and why that may be. */
  readonly note?: string;
}

/** Expected, and nothing here computes it. */
export interface MissingCheck {
  readonly kind: 'missing';
  readonly name: string;
  readonly within: false;
}
