/**
 * What Flamingo reads: texts with `<image>` where an image is attended to and `<|endofchunk|>` where its text ends. Training sequences
 * with their labels, and prompts with demonstrations. The label rules are OpenFlamingo's (train_utils.py).
 */
import { TriptychError } from '@triptych/protocol';
import type { Interleaved } from '../../content.ts';
import { IMAGE_TAG } from '../../sample.ts';
import type { Tokenizer } from '../hugging-face/tokenizer.ts';
import { encodeSegments, requireSupervised, type SampleTokens, type Segment } from '../sequence/segments.ts';
import { truncate } from '../sequence/truncate.ts';
import type { FlamingoTemplate } from './templates.ts';

export const END_OF_CHUNK = '<|endofchunk|>';

/** What a template's `{name}`s stand for: `caption`, `question`, `answer`, `text`. */
export type Fields = Readonly<Record<string, string>>;

export interface FlamingoOptions {
  /** Has `<image>` and `<|endofchunk|>` as special tokens, and an end token. */
  readonly tokenizer: Tokenizer;
  /** Longer sequences are cut; default: not cut. OpenFlamingo cuts pairs at 32 tokens and documents at 256. */
  readonly contextLength?: number;
}

/** The tokenizer with what Flamingo needs: the two tokens, and `<PAD>` where none pads. */
export const flamingoTokenizer = (tokenizer: Tokenizer): Tokenizer =>
  tokenizer.withSpecialTokens(
    [END_OF_CHUNK, IMAGE_TAG],
    tokenizer.padToken === undefined ? { pad: '<PAD>' } : {},
  );

/** What is told of the pictures of one sample: a caption, or answered questions one after the other. */
export interface PicturePairs {
  readonly images: number;
  readonly pairs: readonly Fields[];
}

/**
 * `<image>{prompt}{answer}<|endofchunk|>`, again for each further pair and sample after what separates demonstrations, then the
 * end token. Images count the pictures of all samples in order. `labels`: `text` learns everything but the image tokens, as
 * OpenFlamingo does; `answer` learns the answers and what ends them. INVALID_INPUT where a field is missing or nothing is learnt.
 */
export function encodePairs(
  samples: readonly PicturePairs[],
  template: FlamingoTemplate,
  { tokenizer, contextLength, labels = 'text' }: FlamingoOptions & { readonly labels?: 'text' | 'answer' },
): SampleTokens {
  const chunks = samples.flatMap(({ images, pairs }) =>
    pairs.map((fields, i) => ({ images: i === 0 ? images : 0, ...filled(template, fields) })),
  );
  if (chunks.some(({ answer }) => answer === undefined)) throw missing(template, 'answer');
  if (chunks.some(({ prompt, answer }) => `${prompt}${answer}` === ''))
    throw new TriptychError(
      'INVALID_INPUT',
      'The sample has an empty text: expected words to learn; leave it out',
    );
  const segments: Segment[] = [
    ...chunks.flatMap(({ images, prompt, answer = '' }, i): Segment[] => [
      ...(i === 0 ? [] : between(template)),
      ...shown(images),
      { kind: 'text', text: prompt, supervised: labels === 'text' },
      { kind: 'text', text: answer, supervised: true },
    ]),
    ...ends(tokenizer, true),
  ];
  return finished(encodeSegments(segments, tokenizer), contextLength, 'its text is empty');
}

/**
 * A document: `<|endofchunk|>` before every image but the first, and at the end, then the end token. Not learnt: image tokens, what
 * stands before the first image, and what stands between `<|endofchunk|>` and the next image (so the end token too).
 * `images` in the result says which images are shown, in order; a cut document shows fewer.
 */
export function encodeInterleaved(
  { parts }: Interleaved,
  { tokenizer, contextLength, images }: FlamingoOptions & { readonly images: number },
): SampleTokens {
  const order = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.image]));
  const strange = order.find((image) => !Number.isInteger(image) || image < 0 || image >= images);
  if (strange !== undefined || new Set(order).size !== images)
    throw new TriptychError(
      'INVALID_INPUT',
      `The document shows ${order.length === 0 ? 'no image' : `the images ${order.join(', ')}`} and the sample has ${images}; show each of 0 to ${images - 1}`,
    );
  const sample = encodeSegments(documentSegments(parts, tokenizer), tokenizer);
  const marks = interleavedLabels(sample.ids, {
    image: tokenizer.special(IMAGE_TAG),
    endOfChunk: tokenizer.special(END_OF_CHUNK),
  });
  const shownInOrder = sample.images.map((span, n) => ({ ...span, image: order[n] as number }));
  const labelled = { ids: sample.ids, supervised: marks, images: shownInOrder };
  return finished(labelled, contextLength, 'no text follows its first image');
}

/** The rule on ids [length]: 1 where a token is learnt. */
export function interleavedLabels(
  ids: Int32Array,
  tokens: { readonly image: number; readonly endOfChunk: number; readonly pad?: number },
): Uint8Array {
  let inside = false;
  return Uint8Array.from(ids, (id) => {
    if (id === tokens.image) {
      inside = true;
      return 0;
    }
    const learnt = inside && id !== tokens.pad;
    // The end of the chunk is learnt itself; what follows it is not.
    if (id === tokens.endOfChunk) inside = false;
    return learnt ? 1 : 0;
  });
}

/**
 * `demonstrations`, each with its answer and `<|endofchunk|>`, then the question to be answered. The images are those of the
 * demonstrations in order, then the question's. `textOnly`: demonstrations show no image; OpenFlamingo's "0-shot" has two of those.
 */
export function encodeFewShotPrompt(
  fields: Fields,
  template: FlamingoTemplate,
  {
    tokenizer,
    demonstrations = [],
    textOnly = false,
    images = 1,
  }: {
    readonly tokenizer: Tokenizer;
    readonly demonstrations?: readonly Fields[];
    readonly textOnly?: boolean;
    /** Images of one question, and of one demonstration. */
    readonly images?: number;
  },
): SampleTokens {
  const segments = demonstrations.flatMap((demonstration): Segment[] => {
    const { prompt, answer } = filled(template, demonstration);
    if (answer === undefined) throw missing(template, 'answer');
    return [
      ...(textOnly ? [] : shown(images)),
      { kind: 'text', text: `${prompt}${answer}`, supervised: false },
      { kind: 'token', token: END_OF_CHUNK, supervised: false },
      { kind: 'text', text: template.separator, supervised: false },
    ];
  });
  const question: Segment[] = [
    ...shown(images),
    { kind: 'text', text: filled(template, fields).prompt, supervised: false },
  ];
  return encodeSegments([...segments, ...question], tokenizer);
}

const between = ({ separator }: FlamingoTemplate): Segment[] => [
  { kind: 'token', token: END_OF_CHUNK, supervised: true },
  { kind: 'text', text: separator, supervised: false },
];

const shown = (images: number): Segment[] =>
  Array.from({ length: images }, () => ({ kind: 'image' }) as const);

function ends(tokenizer: Tokenizer, supervised: boolean): Segment[] {
  const end = tokenizer.eosToken === undefined ? undefined : tokenizer.tokenOf(tokenizer.eosToken);
  return [
    { kind: 'token', token: END_OF_CHUNK, supervised },
    ...(end === undefined ? [] : [{ kind: 'token', token: end, supervised } as const]),
  ];
}

/** Texts beside each other are words of one text; white space around image tokens goes, as in OpenFlamingo's data.py. */
function documentSegments(parts: Interleaved['parts'], tokenizer: Tokenizer): Segment[] {
  const segments: Segment[] = [];
  let words: string[] = [];
  const flush = () => {
    const text = words.join(' ').trim();
    if (text !== '') segments.push({ kind: 'text', text, supervised: false });
    words = [];
  };
  let first = true;
  for (const part of parts) {
    if (typeof part === 'string') {
      words.push(part);
      continue;
    }
    flush();
    if (!first) segments.push({ kind: 'token', token: END_OF_CHUNK, supervised: false });
    segments.push({ kind: 'image' });
    first = false;
  }
  flush();
  return [...segments, ...ends(tokenizer, false)];
}

/** Prompt and answer with the fields filled in; no answer where its field is not given. */
function filled(
  template: FlamingoTemplate,
  fields: Fields,
): { readonly prompt: string; readonly answer: string | undefined } {
  const fill = (pattern: string): string | undefined => {
    let complete = true;
    const text = pattern.replace(/\{([a-z]+)\}/g, (_, name: string) => {
      complete &&= fields[name] !== undefined;
      return fields[name]?.trim() ?? '';
    });
    return complete ? text : undefined;
  };
  const prompt = fill(template.prompt);
  if (prompt === undefined) throw missing(template, 'prompt');
  return { prompt, answer: fill(template.answer) };
}

const missing = (template: FlamingoTemplate, part: 'prompt' | 'answer'): TriptychError =>
  new TriptychError(
    'INVALID_INPUT',
    `The template ${template.name} needs every field of ${JSON.stringify(template[part])}; give them, or choose another template`,
  );

function finished(sample: SampleTokens, contextLength: number | undefined, why: string): SampleTokens {
  const labelled = requireSupervised(sample, why);
  return contextLength === undefined ? labelled : truncate(labelled, contextLength);
}
