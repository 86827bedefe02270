/** Samples and prompts as Flamingo takes them: token ids, and what the texts show as patches or as features. */
import { type ImageTransform, preview, type SampleTokens, type Tokenizer } from '@triptych/datasets';
import { type PaddedTexts, padLeft, padRight } from '../llama/padded-texts.ts';
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
import type { FlamingoConfig } from './config.ts';
import { flamingoTokenizer, flamingoTransform } from './files.ts';
import { FlamingoText } from './flamingo-text.ts';
import type { FlamingoInputs } from './inputs.ts';

/** Texts with the pictures that they show. */
export interface ShownTexts {
  readonly texts: PaddedTexts;
  /** Picture slots of each text; those that a text does not fill hold zeros. */
  readonly images: number;
  /** [batch * images, N, 3pp] */
  readonly patches: Float32Array;
}

export interface FlamingoBatch extends Batch {
  readonly texts: PaddedTexts;
  /** As in `ShownTexts`. */
  readonly images: number;
  /** Of all slots. */
  readonly pictures: SeenPictures;
  readonly targets: NonNullable<Batch['targets']>;
  /** Of the hidden states [batch * T, D], those that predict the targets. */
  readonly rows: Int32Array;
}

export interface FlamingoProcessorOptions {
  readonly inputs: FlamingoInputs;
  /** Where it is not trained. */
  readonly tower?: ImageTower | undefined;
}

export class FlamingoProcessor implements Processor {
  readonly transform: ImageTransform;
  readonly tokenizer: Tokenizer;
  readonly text: FlamingoText;
  readonly patches: PicturePatches;
  /** Pictures of samples; prompts are shown as patches always. */
  readonly #see: SeePictures;

  /** @throws TriptychError MODEL_INVALID for files that do not fit the configuration. */
  constructor(config: FlamingoConfig, files: FolderFiles, { inputs, tower }: FlamingoProcessorOptions) {
    this.tokenizer = flamingoTokenizer(config, files);
    this.transform = flamingoTransform(config, files);
    this.text = new FlamingoText(this.tokenizer, inputs);
    this.patches = new PicturePatches(this.transform, config.vision_config.patch_size);
    this.#see = tower ? seenAsFeatures(this.patches, tower) : seenAsPatches(this.patches);
  }

  async batch(examples: readonly Example[]): Promise<FlamingoBatch> {
    const told = examples.map((example) => this.text.sample(example));
    const sequences = told.map(({ tokens }) => tokens);
    const { images, slots } = slotsOf(
      told.map(({ tokens, samples }) => {
        const pictures = samples.flatMap((sample) =>
          Array.from({ length: sample.images }, (_, i) => pictureOf(sample, i)),
        );
        return tokens.images.map(({ image }) => pictures[image]!);
      }),
    );
    // The last token of a text predicts nothing.
    const texts = padRight(sequences.map(({ ids }) => [...ids.subarray(0, -1)]));
    const { rows, ...targets } = targetsOf(sequences, { length: texts.length, examples });
    const pictures = await this.#see(slots);
    return { samples: examples.length, texts, rows, targets, images, pictures };
  }

  /** Prompts of different lengths, each ending in the last column. */
  prompts(prompts: readonly Prompt[]): ShownTexts {
    const sequences = prompts.map((prompt) => this.text.prompt(prompt));
    const shown = sequences.map(({ images }, i) => {
      const { shots, pictures: own } = prompts[i]!;
      // A sequence counts the pictures that it shows, demonstrations first.
      const all = [...shots.flatMap((shot) => shot.pictures), ...own];
      return images.map(({ image }) => all[image]);
    });
    const { images, slots } = slotsOf(shown);
    const texts = padLeft(sequences.map(({ ids }) => [...ids]));
    return { texts, images, patches: this.patches.cut(slots) };
  }

  lengthOf({ id, content, images }: Pick<Example, 'id' | 'content' | 'images'>): number {
    return this.text.sample({ id, content, images, choose: () => 0 }).tokens.ids.length;
  }

  preview(sample: Previewed): Preview {
    return preview(this.text.sample({ choose: () => 0, ...sample }).tokens, this.tokenizer);
  }
}

/** As many slots for each text as the most that one shows; at least one, or there would be nothing to attend to. */
function slotsOf<T>(pictures: readonly (readonly T[])[]) {
  const images = pictures.reduce((most, { length }) => Math.max(most, length), 1);
  const slots = pictures.flatMap((shown) => Array.from({ length: images }, (_, i) => shown[i]));
  return { images, slots };
}

function targetsOf(
  sequences: readonly SampleTokens[],
  { length, examples }: { readonly length: number; readonly examples: readonly Example[] },
) {
  const rows: number[] = [];
  const labels: number[] = [];
  const datasets: number[] = [];
  for (const [text, { ids, supervised }] of sequences.entries())
    for (let i = 1; i < ids.length; i++)
      if (supervised[i]) {
        rows.push(text * length + i - 1);
        labels.push(ids[i]!);
        datasets.push(examples[text]!.dataset);
      }
  return {
    rows: Int32Array.from(rows),
    labels: Int32Array.from(labels),
    datasets: Int32Array.from(datasets),
  };
}
