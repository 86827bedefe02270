/** Image-caption pairs as CLIP takes them: patches of normalised pictures, token ids of one caption each. */
import { type ClipTokenizer, type ImageTransform, normalise } from '@triptych/datasets';
import { TriptychError } from '@triptych/protocol';
import type { ClipConfig } from '../catalog/clip-config.ts';
import type { Batch, Example, FolderFiles, Preview, Processor } from '../model.ts';
import { patchify } from '../vit/patchify.ts';
import { clipTransformOf } from './files.ts';
import { clipTokenizer } from './tokenizer.ts';

export interface ClipBatch extends Batch {
  /** [samples, N, 3pp] */
  readonly patches: Float32Array;
  /** [samples, context] */
  readonly ids: Int32Array;
}

export class ClipProcessor implements Processor {
  readonly transform: ImageTransform;
  readonly tokenizer: ClipTokenizer;
  readonly #config: ClipConfig;
  /** One image between its two forms: reused, since megabytes of garbage a step keep the collector's threads on the cores. */
  readonly #planes: Float32Array;
  /** Captions are tokenised once; of very many, those that were seen first, as in `PixelCache`. */
  readonly #ids = new Map<string, Int32Array>();

  constructor(config: ClipConfig, files: FolderFiles) {
    this.#config = config;
    this.tokenizer = clipTokenizer(config, files);
    this.transform = clipTransformOf(config, files);
    this.#planes = new Float32Array(3 * this.transform.size ** 2);
  }

  async batch(examples: readonly Example[]): Promise<ClipBatch> {
    const captions = examples.map(captionOf);
    const pixels: Uint8Array[] = [];
    for (const example of examples) pixels.push(await example.pixels(0));
    return { samples: examples.length, patches: this.patches(pixels), ids: this.ids(captions) };
  }

  /** [n, N, 3pp]; `undefined` is an image of zeros. */
  patches(pixels: readonly (Uint8Array | undefined)[]): Float32Array {
    const floats = this.#planes.length;
    const patches = new Float32Array(pixels.length * floats);
    const grid = { images: 1, size: this.transform.size, patch: this.#config.vision_config.patch_size };
    for (const [i, picture] of pixels.entries()) {
      if (!picture) continue;
      normalise(picture, this.transform, this.#planes, 0);
      patchify(this.#planes, grid, patches.subarray(i * floats, (i + 1) * floats));
    }
    return patches;
  }

  /** [n, context] */
  ids(texts: readonly string[]): Int32Array {
    const context = this.#config.text_config.max_position_embeddings;
    const ids = new Int32Array(texts.length * context);
    for (const [row, text] of texts.entries()) ids.set(this.#encode(text), row * context);
    return ids;
  }

  lengthOf(): number {
    return this.#config.text_config.max_position_embeddings;
  }

  preview({ content }: Pick<Example, 'content'>): Preview {
    const text = content.kind === 'captions' ? (content.texts[0] ?? '') : '';
    return { tokens: [{ text, supervised: true }] };
  }

  #encode(text: string): Int32Array {
    const known = this.#ids.get(text);
    if (known) return known;
    const ids = this.tokenizer.encode(text, this.#config.text_config.max_position_embeddings);
    if (this.#ids.size < REMEMBERED_CAPTIONS) this.#ids.set(text, ids);
    return ids;
  }
}

const REMEMBERED_CAPTIONS = 50_000;

function captionOf({ id, content, choose }: Example): string {
  if (content.kind === 'captions' && content.texts.length > 0)
    return content.texts[choose(content.texts.length)]!;
  throw new TriptychError(
    'DATASET_INVALID',
    `Sample ${id}: CLIP needs a caption, got ${content.kind}; use a dataset of captions or class folders`,
  );
}
