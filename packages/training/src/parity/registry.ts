/** The kinds of golden cases that can be compared. A new one is a file in kinds/ and a line here. */
import type { ParityKind } from './kind.ts';
import { captions } from './kinds/captions.ts';
import { clip } from './kinds/clip.ts';
import { clipTokenizer } from './kinds/clip-tokenizer.ts';
import { clipTrajectory } from './kinds/clip-trajectory.ts';
import { contrastive } from './kinds/contrastive.ts';
import { flamingo } from './kinds/flamingo.ts';
import { flamingoCrossAttention } from './kinds/flamingo-cross-attention.ts';
import { flamingoPerceiver } from './kinds/flamingo-perceiver.ts';
import { imagePreprocess } from './kinds/image-preprocess.ts';
import { llama } from './kinds/llama.ts';
import { llava } from './kinds/llava.ts';
import { lora } from './kinds/lora.ts';
import { retrieval } from './kinds/retrieval.ts';
import { vqa } from './kinds/vqa.ts';

export const kinds: readonly ParityKind[] = [
  clip,
  clipTrajectory,
  flamingo,
  flamingoPerceiver,
  flamingoCrossAttention,
  lora,
  llava,
  llama,
  contrastive,
  retrieval,
  captions,
  vqa,
  imagePreprocess,
  clipTokenizer,
];
