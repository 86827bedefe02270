/**
 * What a sample says about its images: the four kinds of text that objectives and tasks ask for.
 * Neither how it is written as tokens (`text/`) nor where the images lie.
 */

export type Role = 'system' | 'user' | 'assistant';

export interface Turn {
  readonly role: Role;
  /** `<image>` stands where an image is shown; each names the next image of the sample. */
  readonly text: string;
}

/** Several descriptions of the sample's one image; at least one, none empty. */
export interface Captions {
  readonly kind: 'captions';
  readonly texts: readonly string[];
}

/** A document: texts and images in reading order. `image` is an index into the sample's images. */
export interface Interleaved {
  readonly kind: 'interleaved';
  readonly parts: readonly (string | { readonly image: number })[];
}

/** A question about the sample's images and the answers that people gave; repeated answers are kept (VQAv2 has ten). */
export interface Question {
  readonly kind: 'question';
  readonly question: string;
  readonly answers: readonly string[];
}

/** Turns in order: at most one `system` turn, first; then `user` and `assistant` in turn, beginning with `user`. */
export interface Conversation {
  readonly kind: 'conversation';
  readonly turns: readonly Turn[];
}

export type Content = Captions | Interleaved | Question | Conversation;
export type ContentKind = Content['kind'];
