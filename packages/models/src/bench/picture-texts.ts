/** Texts that each show one picture, of random tokens and random pixels: what a model with pictures is trained and asked with. */
import { IGNORED_LABEL, type RandomStream } from '@triptych/nn';
import type { ClipVisionConfig } from '../catalog/clip-config.ts';
import { nextTokenTargets } from '../llama/next-token.ts';
import type { Inputs, NamedInput } from './workload.ts';

export interface PictureTextShape {
  /** How every text begins: its picture, and what stands before it. */
  readonly opening: readonly number[];
  /** Tokens after the opening, of a text to learn and of a prompt. */
  readonly learnt: number;
  readonly asked: number;
  /** Ordinary tokens: from, and up to without. */
  readonly words: readonly [from: number, to: number];
  readonly vision: Pick<ClipVisionConfig, 'image_size' | 'patch_size'>;
}

/** The last tokens of a text are learnt, as an answer would be. */
export const SUPERVISED = 8;

/** `ids` [batch, T], `patches` [batch, N, 3pp]; `rows` of the hidden states that predict `labels`. */
export function trainingInputs(
  shape: PictureTextShape,
  { batch, stream }: { readonly batch: number; readonly stream: RandomStream },
): NamedInput[] {
  const { ids, patches } = shownTexts(shape, { batch, words: shape.learnt, stream });
  const length = ids.shape[1]!;
  const labels = (ids.values as Int32Array).map((id, i) =>
    i % length < length - SUPERVISED ? IGNORED_LABEL : id,
  );
  const targets = nextTokenTargets(labels, batch);
  const rows = { name: 'rows', shape: [targets.rows.length], values: targets.rows };
  return [ids, patches, rows, { ...rows, name: 'labels', values: targets.labels }];
}

/** `prompt_ids` and `prompt_patches` in the same shapes. */
export function promptInputs(
  shape: PictureTextShape,
  { batch, stream }: { readonly batch: number; readonly stream: RandomStream },
): NamedInput[] {
  const { ids, patches } = shownTexts(shape, { batch, words: shape.asked, stream });
  return [ids, patches].map((input) => ({ ...input, name: `prompt_${input.name}` }));
}

export const integers = (inputs: Inputs, name: string): Int32Array => inputs.get(name)!.values as Int32Array;
export const floats = (inputs: Inputs, name: string): Float32Array =>
  inputs.get(name)!.values as Float32Array;

function shownTexts(
  { opening, words: [from, to], vision }: PictureTextShape,
  { batch, words, stream }: { readonly batch: number; readonly words: number; readonly stream: RandomStream },
): { readonly ids: NamedInput; readonly patches: NamedInput } {
  const word = () => from + stream.integer(to - from);
  const ids = Array.from({ length: batch }, () => [...opening, ...Array.from({ length: words }, word)]);
  const shape = [batch, (vision.image_size / vision.patch_size) ** 2, 3 * vision.patch_size ** 2] as const;
  const patches = Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, () => stream.normal());
  return {
    ids: { name: 'ids', shape: [batch, opening.length + words], values: Int32Array.from(ids.flat()) },
    patches: { name: 'patches', shape, values: patches },
  };
}
