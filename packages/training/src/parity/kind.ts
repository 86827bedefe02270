/** What a kind of golden case is: how its folders are told from others, and how ours is computed and compared. */
import type { GoldenCase } from '@triptych/nn';
import type { Check } from './launch/check.ts';

export interface ParityKind {
  /** As reports name it. */
  readonly name: string;
  /** From the files that the folder has, never from its name. */
  recognises(golden: GoldenCase): boolean;
  /** Every expected result of the case, on the backend that is selected. Leaves no tensor behind. */
  check(golden: GoldenCase, options: KindOptions): Promise<readonly Check[]>;
}

export interface KindOptions {
  /** A folder with the vocabulary (vocab.json and merges.txt) of cases that do not bring their own. */
  readonly vocabulary?: string | undefined;
}

/** Whether the folder has `inputs.safetensors` with all of these tensors. */
export function hasInputs(golden: GoldenCase, ...names: readonly string[]): boolean {
  if (!golden.has('inputs.safetensors')) return false;
  const { tensors } = golden.tensors('inputs.safetensors');
  return names.every((name) => tensors.has(name));
}

/** `model_type` of config.json; undefined where there is none. */
export function modelType(golden: GoldenCase): string | undefined {
  if (!golden.has('config.json')) return undefined;
  const { model_type } = golden.config as { model_type?: string };
  return model_type;
}
