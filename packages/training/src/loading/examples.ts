/** The samples of a dataset as models take them. Decoded pictures are kept as far as memory allows. */
import {
  type Dataset,
  type ImageTransform,
  PixelCache,
  pixels,
  type RandomCrop,
  type RandomStream,
} from '@triptych/datasets';
import type { AnsweredQuestion, Example } from '@triptych/models';
import { PIXEL_CACHE_BYTES } from '../catalog/estimate-memory.ts';
import { questionsByPictures } from './questions-by-pictures.ts';
import { samplesAlike } from './samples-alike.ts';

/** How one step sees a sample. */
export interface Seen extends Pick<Example, 'choose'> {
  /** What of this sample is drawn in this step. */
  stream(...purpose: readonly (string | number)[]): RandomStream;
  /** Absent: whole pictures. */
  readonly crop?: RandomCrop | undefined;
}

export class Examples {
  readonly dataset: Dataset;
  readonly #transform: ImageTransform;
  readonly #cache: PixelCache;
  readonly #position: number;
  #questions: ReturnType<typeof questionsByPictures> | undefined;
  #alike: ReturnType<typeof samplesAlike> | undefined;

  /** `position` is that of the dataset in the run's list; the cache is one of `of` that share the memory. */
  constructor(
    dataset: Dataset,
    at: { readonly transform: ImageTransform; readonly position: number; readonly of: number },
  ) {
    this.dataset = dataset;
    this.#transform = at.transform;
    this.#position = at.position;
    const maxBytes = PIXEL_CACHE_BYTES / at.of;
    this.#cache = new PixelCache({ dataset, transform: at.transform, maxBytes });
  }

  /** Sample number `index` of the manifest. */
  at(index: number, { choose, stream, crop }: Seen): Example {
    const { id, content, images, classIndex } = this.dataset.manifest.samples[index]!;
    return {
      id,
      content,
      images: images.length,
      ...(classIndex === undefined ? {} : { classIndex }),
      ...(crop
        ? {
            pixels: (i) =>
              pixels(this.dataset, images[i]!, this.#transform, { augment: crop, stream: stream('crop', i) }),
          }
        : {
            pixels: (i) => this.#cache.pixels(images[i]!),
            pictureKey: (i) => this.dataset.imageKey(images[i]!),
          }),
      companions: (count) => this.#companions(index, count, stream('companions')),
      demonstrations: (count) => this.#demonstrations(index, count, { stream, crop }),
      choose,
      dataset: this.#position,
    };
  }

  #companions(index: number, count: number, stream: RandomStream): AnsweredQuestion[] {
    this.#questions ??= questionsByPictures(this.dataset);
    const others = this.#questions(index);
    return stream
      .shuffle([...others])
      .slice(0, count)
      .map(({ question, answers }) => ({ question, answer: stream.pick(answers) }));
  }

  #demonstrations(index: number, count: number, { stream, crop }: Omit<Seen, 'choose'>): Example[] {
    this.#alike ??= samplesAlike(this.dataset);
    const drawn = this.#alike(index, count, stream('demonstrations'));
    return drawn.map((other) => {
      const own = (...purpose: readonly (string | number)[]) => stream('demonstration', other, ...purpose);
      return this.at(other, {
        choose: (alternatives) => own('choice').integer(alternatives),
        stream: own,
        crop,
      });
    });
  }

  /** Transformed picture `i` of a sample. */
  async pixels(index: number, i: number): Promise<Uint8Array> {
    return await this.#cache.pixels(this.dataset.manifest.samples[index]!.images[i]!);
  }
}
