/** From a conversation to tokens: the one door to chat templates, named or a tokenizer folder's own. */
import { TriptychError } from '@triptych/protocol';
import type { Turn } from '../../content.ts';
import { IMAGE_TAG } from '../../sample.ts';
import type { Tokenizer } from '../hugging-face/tokenizer.ts';
import {
  encodeSegments,
  type ImageTokens,
  requireImages,
  requireSupervised,
  type SampleTokens,
  type Segment,
} from '../sequence/segments.ts';
import { truncate } from '../sequence/truncate.ts';
import { checkTurns, type ImagePlacement } from './conversation.ts';
import { type JinjaTemplate, renderConversation } from './jinja-template.ts';
import { writeConversation } from './write.ts';
import { type WrittenTemplate, type WrittenTemplateName, writtenTemplates } from './written-templates.ts';

export type ChatTemplate = WrittenTemplate | JinjaTemplate;

/** `tokenizer`: the template in the tokenizer's folder. */
export type ChatTemplateName = WrittenTemplateName | 'tokenizer';

export interface ConversationOptions {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  /** How many images the sample has; the text must show as many. */
  readonly images: number;
  readonly image?: ImageTokens;
  /** Default `front`. */
  readonly placement?: ImagePlacement;
  /** Longer samples are cut; default: the tokenizer's own length, and no limit where it says none. */
  readonly contextLength?: number;
}

/** Throws MODEL_INVALID where the tokenizer's folder has no template. */
export function chatTemplate(name: ChatTemplateName, tokenizer: Tokenizer): ChatTemplate {
  if (name !== 'tokenizer') return writtenTemplates[name];
  if (tokenizer.chatTemplate !== undefined) return { kind: 'jinja', source: tokenizer.chatTemplate };
  throw new TriptychError(
    'MODEL_INVALID',
    `chat_template.jinja: expected the file, or chat_template in tokenizer_config.json, got none; choose a template by name (${Object.keys(writtenTemplates).join(', ')})`,
  );
}

/**
 * The tokens of a conversation that ends with an answer; answers and what ends them are supervised, nothing else.
 * INVALID_INPUT: turns out of order, images that do not match, answers that cannot be found, nothing supervised (also after cutting).
 */
export function encodeConversation(turns: readonly Turn[], options: ConversationOptions): SampleTokens {
  const sample = encode(conversationSegments(turns, options, { open: false }), options);
  const labelled = requireSupervised(sample, 'its answers have no tokens');
  const limit = options.contextLength ?? options.tokenizer.contextLength;
  return limit === undefined ? labelled : truncate(labelled, limit);
}

/** The tokens of a conversation that ends with the user's turn, up to where the answer begins. Nothing is cut or supervised. */
export function encodeChatPrompt(turns: readonly Turn[], options: ConversationOptions): SampleTokens {
  const sample = encode(conversationSegments(turns, options, { open: true }), options);
  return { ...sample, supervised: new Uint8Array(sample.ids.length) };
}

/** The tokens at which a generated answer ends: the tokenizer's end token, and the one that the template learns after an answer. */
export function stopTokens(template: ChatTemplate, tokenizer: Tokenizer): number[] {
  const turns: Turn[] = [
    { role: 'user', text: 'a' },
    { role: 'assistant', text: 'b' },
  ];
  const segments = conversationSegments(turns, { tokenizer, template, images: 0 }, { open: false });
  const ends = segments.flatMap((segment) =>
    segment.kind === 'token' && segment.supervised ? [tokenizer.special(segment.token)] : [],
  );
  return [...new Set([...(tokenizer.eosToken === undefined ? [] : [tokenizer.eosToken]), ...ends])];
}

/** The conversation as text with marks, before it becomes tokens. */
export function conversationSegments(
  turns: readonly Turn[],
  { tokenizer, template, images, image, placement = 'front' }: ConversationOptions,
  { open }: { readonly open: boolean },
): Segment[] {
  const checked = checkTurns(turns, { open, placement });
  const segments =
    template.kind === 'written'
      ? writeConversation(checked, template, tokenizer)
      : renderConversation(checked, { template, tokenizer, image: image?.token ?? IMAGE_TAG });
  requireImages(segments, images);
  return segments;
}

// A Jinja template writes the start token itself; before a named one the tokenizer puts it.
const encode = (
  segments: readonly Segment[],
  { tokenizer, template, image }: ConversationOptions,
): SampleTokens =>
  encodeSegments(segments, tokenizer, { ...(image ? { image } : {}), framed: template.kind === 'written' });
