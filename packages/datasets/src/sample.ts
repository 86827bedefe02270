/** One sample as a format finds it, before its images have been opened: which images, and what is said about them. */
import type { Split } from '@triptych/protocol';
import type { Content, Turn } from './content.ts';

export interface ImageSource {
  /** A file of the source; or, where `read` is given, a name for messages, which no other image has. */
  readonly path: string;
  /** The image file's bytes, of images that are no file of their own: members of an archive, cells of a table. As often as it is asked. */
  readonly read?: () => AsyncIterable<Uint8Array>;
}

export interface SourceSample {
  /** Unique in its dataset and the same on every reading; order and messages use it. */
  readonly id: string;
  readonly split: Split;
  /** In the order in which the content speaks of them; empty for text alone. */
  readonly images: readonly ImageSource[];
  readonly content: Content;
  /** Of the sample's one image, where the format has classes. */
  readonly className?: string;
}

/** Stands in the text of a turn where an image is shown. */
export const IMAGE_TAG = '<image>';

/** What is wrong with a sample whatever its format, in words; undefined for a sound one. */
export function sampleFault({
  images,
  content,
}: Pick<SourceSample, 'images' | 'content'>): string | undefined {
  switch (content.kind) {
    case 'captions':
      if (images.length !== 1) return `captions describe one image, here are ${images.length}`;
      if (content.texts.length === 0) return 'no caption';
      return content.texts.every(isText) ? undefined : 'an empty caption';
    case 'interleaved':
      return interleavedFault(content.parts, images.length);
    case 'question':
      if (!isText(content.question)) return 'an empty question';
      if (content.answers.length === 0) return 'no answer';
      return content.answers.every(isText) ? undefined : 'an empty answer';
    case 'conversation':
      return conversationFault(content.turns, images.length);
  }
}

function interleavedFault(
  parts: readonly (string | { readonly image: number })[],
  images: number,
): string | undefined {
  const shown = parts.flatMap((part) => (typeof part === 'string' ? [] : part.image));
  if (!parts.some((part) => typeof part === 'string' && isText(part))) return 'a document without text';
  const missing = shown.find((image) => !Number.isInteger(image) || image < 0 || image >= images);
  if (missing !== undefined) return `image ${missing} of ${images}`;
  return new Set(shown).size === images ? undefined : 'an image that the document does not show';
}

function conversationFault(turns: readonly Turn[], images: number): string | undefined {
  const spoken = turns[0]?.role === 'system' ? turns.slice(1) : turns;
  const wrong = spoken.findIndex(({ role }, n) => role !== (n % 2 === 0 ? 'user' : 'assistant'));
  if (wrong >= 0)
    return `turn ${wrong + 1} is of "${spoken[wrong]?.role}" where user and assistant take turns`;
  if (spoken.length < 2) return 'no answer of the assistant';
  const empty = spoken.findIndex(({ text }) => !isText(text));
  if (empty >= 0) return `turn ${empty + 1} is empty`;
  const elsewhere = turns.findIndex(({ role, text }) => role !== 'user' && text.includes(IMAGE_TAG));
  if (elsewhere >= 0) return `${IMAGE_TAG} in turn ${elsewhere + 1}, which is not the user's`;
  const tags = turns.reduce((sum, { text }) => sum + text.split(IMAGE_TAG).length - 1, 0);
  return tags === images ? undefined : `${tags} times ${IMAGE_TAG} for ${images} images`;
}

const isText = (text: string): boolean => typeof text === 'string' && text.trim() !== '';
