/** Samples and prompts as LLaVA takes them: token ids, and what the texts show as patches or as features. */
import { type ImageTransform, preview, type SampleTokens, type Tokenizer } from '@triptych/datasets';
import { IGNORED_LABEL } from '@triptych/nn';
import { nextTokenTargets } from '../llama/next-token.ts';
import { padLeft, padRight } from '../llama/padded-texts.ts';
import type { Batch, Example, FolderFiles, Preview, Previewed, Processor, Prompt } from '../model.ts';
import { pictureOf } from '../vit/feature-cache.ts';
import { PicturePatches } from '../vit/picture-patches.ts';
import {
  type ImageTower,
  type SeenPictures,
  type SeePictures,
  seenAsFeatures,
  seenAsPatches,
} from '../vit/seen-pictures.ts';
import type { LlavaConfig } from './config.ts';
import { llavaTokenizer, llavaTransform } from './files.ts';
import type { LlavaInputs } from './inputs.ts';
import type { LlavaTexts } from './llava.ts';
import { LlavaText } from './llava-text.ts';

/** Texts with the pictures that they show. */
export interface ShownTexts {
  readonly texts: LlavaTexts;
  /** [images, N, 3pp] of all texts, in their order; empty where none has any. */
  readonly patches: Float32Array;
}

export interface LlavaBatch extends Batch {
  readonly texts: LlavaTexts;
  /** Of all texts, in their order. */
  readonly pictures: SeenPictures;
  readonly targets: NonNullable<Batch['targets']>;
  /** Of the hidden states [batch * T, D], those that predict the targets. */
  readonly rows: Int32Array;
}

export interface LlavaProcessorOptions {
  readonly inputs: LlavaInputs;
  /** Where it is not trained. */
  readonly tower?: ImageTower | undefined;
}

export class LlavaProcessor implements Processor {
  readonly transform: ImageTransform;
  readonly tokenizer: Tokenizer;
  readonly text: LlavaText;
  readonly patches: PicturePatches;
  /** Pictures of samples; prompts are shown as patches always. */
  readonly #see: SeePictures;

  /** @throws TriptychError MODEL_INVALID for files that do not fit the configuration. */
  constructor(config: LlavaConfig, files: FolderFiles, { inputs, tower }: LlavaProcessorOptions) {
    this.tokenizer = llavaTokenizer(config, files);
    this.transform = llavaTransform(config, files);
    this.text = new LlavaText(this.tokenizer, config, inputs);
    this.patches = new PicturePatches(this.transform, config.vision_config.patch_size);
    this.#see = tower ? seenAsFeatures(this.patches, tower) : seenAsPatches(this.patches);
  }

  async batch(examples: readonly Example[]): Promise<LlavaBatch> {
    const samples = examples.map((example) => this.text.sample(example));
    const pictures = samples.flatMap(({ images }, i) =>
      images.map(({ image }) => pictureOf(examples[i]!, image)),
    );
    const padded = padRight(samples.map(({ ids }) => [...ids]));
    const texts = { ...padded, imageCounts: imageCounts(samples) };
    const { rows, labels } = nextTokenTargets(labelsOf(samples, padded.length), padded.batch);
    const datasets = rows.map((row) => examples[Math.floor(row / padded.length)]!.dataset);
    return {
      samples: examples.length,
      texts,
      rows,
      targets: { labels, datasets },
      pictures: await this.#see(pictures),
    };
  }

  /** Prompts of different lengths, each ending in the last column. */
  prompts(prompts: readonly Prompt[]): ShownTexts {
    const samples = prompts.map((prompt) => this.text.prompt(prompt));
    const pictures = prompts.flatMap(({ shots, pictures: own }) => [
      ...shots.flatMap((shot) => shot.pictures),
      ...own,
    ]);
    const texts = padLeft(samples.map(({ ids }) => [...ids]));
    return { texts: { ...texts, imageCounts: imageCounts(samples) }, patches: this.patches.cut(pictures) };
  }

  lengthOf(example: Pick<Example, 'id' | 'content' | 'images'>): number {
    return this.text.sample({ choose: () => 0, ...example }).ids.length;
  }

  preview(example: Previewed): Preview {
    return preview(this.text.sample({ choose: () => 0, ...example }), this.tokenizer);
  }
}

const imageCounts = (samples: readonly SampleTokens[]): number[] =>
  samples.map(({ images }) => images.length);

/** [batch, length]; what is not learnt is ignored. */
function labelsOf(samples: readonly SampleTokens[], length: number): Int32Array {
  const labels = new Int32Array(samples.length * length).fill(IGNORED_LABEL);
  for (const [text, { ids, supervised }] of samples.entries())
    for (const [i, id] of ids.entries()) if (supervised[i] === 1) labels[text * length + i] = id;
  return labels;
}
