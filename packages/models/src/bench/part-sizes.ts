/** How many positions of a sample the parts have that several architectures are made of. */
import type { ClipVisionConfig } from '../catalog/clip-config.ts';
import type { LlamaConfig } from '../catalog/llama-config.ts';
import type { Attention } from './flops.ts';

export const patchesOf = ({ image_size, patch_size }: ClipVisionConfig): number =>
  (image_size / patch_size) ** 2;

/** Of a matrix of the vision tower. */
export function visionRows(key: string, vision: ClipVisionConfig): number {
  if (key.includes('position_embedding')) return 0;
  // The class token is no patch.
  return patchesOf(vision) + (key.includes('patch_embedding') ? 0 : 1);
}

/** Of a matrix of the decoder; only supervised positions have logits. */
export function decoderRows(
  key: string,
  { tokens, supervised }: { readonly tokens: number; readonly supervised: number },
): number {
  if (key.includes('embed_tokens')) return 0;
  return key.includes('lm_head') ? supervised : tokens;
}

export function visionAttentions(vision: ClipVisionConfig, passes: Attention['passes']): Attention[] {
  const tokens = patchesOf(vision) + 1;
  const one = { queries: tokens, keys: tokens, width: vision.hidden_size, passes };
  return Array.from({ length: vision.num_hidden_layers }, () => one);
}

/** Every decoder passes a gradient on to what lies before it. */
export function decoderAttentions(text: LlamaConfig, tokens: number): Attention[] {
  const width = text.num_attention_heads * text.head_dim;
  const one = { queries: tokens, keys: tokens, width, passes: 3 } as const;
  return Array.from({ length: text.num_hidden_layers }, () => one);
}
