/**
 * Embeddings of many images or texts, divided among the ranks in blocks of one fixed size (the last is filled up), so
 * that the numbers are the same for any number of ranks. Every rank ends up with all of them.
 */
import { type ProcessGroup, shardRange } from '@triptych/collective';
import type { ClipTokenizer } from '@triptych/datasets';
import type { Clip } from '@triptych/models';
import { tf } from '@triptych/nn';
import { EVALUATION_BLOCK } from '../catalog/estimate-memory.ts';
import type { ImageReader } from '../loading/image-reader.ts';

export interface EmbedderOptions {
  readonly clip: Clip;
  readonly images: ImageReader;
  readonly tokenizer: ClipTokenizer;
  readonly group: ProcessGroup;
  readonly signal: AbortSignal;
}

export class Embedder {
  readonly #options: EmbedderOptions;

  constructor(options: EmbedderOptions) {
    this.#options = options;
  }

  /** Unit rows [n, P] of the dataset's images at `indices`. */
  async images(indices: Int32Array): Promise<Float32Array> {
    const { clip, images } = this.#options;
    const { image_size, patch_size } = clip.config.vision_config;
    const block = EVALUATION_BLOCK.images;
    return await this.#embed(indices.length, block, async (start) => {
      const wanted = Array.from({ length: block }, (_, i) => indices[start + i] ?? -1);
      const patches = await images.patches(wanted);
      return tf.tidy(() =>
        clip.encodeImages(tf.tensor3d(patches, [block, (image_size / patch_size) ** 2, 3 * patch_size ** 2])),
      );
    });
  }

  /** Unit rows [n, P] of the texts. */
  async texts(texts: readonly string[]): Promise<Float32Array> {
    const { clip, tokenizer } = this.#options;
    const context = clip.config.text_config.max_position_embeddings;
    const block = EVALUATION_BLOCK.texts;
    return await this.#embed(texts.length, block, async (start) => {
      const ids = new Int32Array(block * context);
      for (let i = 0; i < block; i++) ids.set(tokenizer.encode(texts[start + i] ?? '', context), i * context);
      return clip.encodeText(ids, block);
    });
  }

  async #embed(
    count: number,
    block: number,
    embedBlock: (start: number) => Promise<tf.Tensor2D>,
  ): Promise<Float32Array> {
    const { clip, group, signal } = this.#options;
    const width = clip.config.projection_dim;
    const blocks = shardRange(group.rank, group.worldSize, Math.ceil(count / block));
    const own = new Float32Array((blocks.end - blocks.start) * block * width);
    for (let i = blocks.start; i < blocks.end; i++) {
      signal.throwIfAborted();
      const rows = await embedBlock(i * block);
      own.set(await rows.data<'float32'>(), (i - blocks.start) * block * width);
      rows.dispose();
    }
    const parts = await group.allGather(new Uint8Array(own.buffer));
    signal.throwIfAborted();
    return new Float32Array(new Uint8Array(Buffer.concat(parts)).buffer).subarray(0, count * width);
  }
}
