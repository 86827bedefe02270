/**
 * What a model can do, divided among the ranks in blocks of one fixed size (the last is filled up), so that the numbers are
 * the same for any number of ranks. Every rank ends up with all results.
 */
import { type ProcessGroup, shardRange } from '@triptych/collective';
import type { Abilities, Classify, Embed, See } from '@triptych/models';
import { EVALUATION_BLOCK } from '@triptych/models/catalog';
import type {
  EvaluationSample,
  GatheredClassify,
  GatheredEmbed,
  TaskContext,
  TaskPrompt,
} from '../catalog/tasks/task.ts';
import type { Examples } from '../loading/examples.ts';

export interface GatheringOptions {
  readonly abilities: Partial<Abilities>;
  readonly examples: Examples;
  readonly group: ProcessGroup;
  readonly signal: AbortSignal;
}

/** Prompts that are answered together. */
const PROMPT_BLOCK = 8;

export function gatheredAbilities(
  options: GatheringOptions,
): Pick<TaskContext, 'embed' | 'classify' | 'generate' | 'loglikelihood' | 'pictureFeatures'> {
  const { embed, classify, generate, loglikelihood, see } = options.abilities;
  return {
    ...(see && { pictureFeatures: gatheredFeatures(see, options) }),
    ...(embed && { embed: gatheredEmbed(embed, options) }),
    ...(classify && { classify: gatheredClassify(classify, options) }),
    ...(generate && {
      generate: (prompts, limits) =>
        gatheredTexts(prompts.length, options, async (start, end) => {
          const texts = Array<string>(end - start).fill('');
          const loaded = await Promise.all(
            prompts.slice(start, end).map((one) => load(one, options.examples)),
          );
          for await (const { index, text } of generate(loaded, limits)) texts[index] += text;
          return texts;
        }),
    }),
    ...(loglikelihood && {
      loglikelihood: (prompts, continuations) =>
        gatheredRows({ count: prompts.length, block: PROMPT_BLOCK, width: continuations.length }, options, {
          rows: async (start, end) => {
            const loaded = await Promise.all(
              prompts.slice(start, end).map((one) => load(one, options.examples)),
            );
            return (await loglikelihood(loaded, continuations)).sums;
          },
        }),
    }),
  };
}

async function load({ content, sample, shots }: TaskPrompt, examples: Examples) {
  const picturesOf = ({ index, images }: EvaluationSample) =>
    Promise.all(Array.from({ length: images }, (_, i) => examples.pixels(index, i)));
  return {
    content,
    pictures: await picturesOf(sample),
    shots: await Promise.all(
      shots.map(async (shot) => ({ content: shot.content, pictures: await picturesOf(shot) })),
    ),
  };
}

/** A picture alone, so that its numbers do not depend on its neighbours. */
function gatheredFeatures(see: See, options: GatheringOptions): NonNullable<TaskContext['pictureFeatures']> {
  const { width } = see;
  return {
    width,
    of: (samples) =>
      gatheredBlocks({ count: samples.length, block: 1, width }, options, async (i) =>
        see.pictures([await options.examples.pixels(samples[i]!.index, 0)]),
      ),
  };
}

function gatheredEmbed(embed: Embed, options: GatheringOptions): GatheredEmbed {
  const { width, prompts } = embed;
  const known = new Map<readonly EvaluationSample[], Promise<Float32Array>>();
  return {
    width,
    prompts,
    images(samples) {
      const images = known.get(samples) ?? gatheredPictures(samples, embed, options);
      known.set(samples, images);
      return images;
    },
    texts(texts) {
      const block = EVALUATION_BLOCK.texts;
      return gatheredBlocks({ count: texts.length, block, width }, options, (start) =>
        embed.texts(Array.from({ length: block }, (_, i) => texts[start + i] ?? '')),
      );
    },
  };
}

const gatheredClassify = (classify: Classify, options: GatheringOptions): GatheredClassify => ({
  classes: classify.classNames.length,
  images: (samples) =>
    gatheredPictures(samples, { width: classify.classNames.length, images: classify.images }, options),
});

/** One row for the first picture of each sample. */
function gatheredPictures(
  samples: readonly EvaluationSample[],
  { width, images }: Pick<Embed, 'width' | 'images'>,
  options: GatheringOptions,
): Promise<Float32Array> {
  const block = EVALUATION_BLOCK.images;
  return gatheredBlocks({ count: samples.length, block, width }, options, async (start) => {
    const pixels = [];
    for (let i = start; i < start + block; i++) {
      const sample = samples[i];
      pixels.push(sample && sample.images > 0 ? await options.examples.pixels(sample.index, 0) : undefined);
    }
    return images(pixels);
  });
}

interface Shape {
  readonly count: number;
  /** Rows that are computed together. */
  readonly block: number;
  readonly width: number;
}

/** Rows [count, width], a full block at a time. */
async function gatheredBlocks(
  { count, block, width }: Shape,
  { group, signal }: GatheringOptions,
  compute: (start: number) => Promise<Float32Array>,
): Promise<Float32Array> {
  const blocks = shardRange(group.rank, group.worldSize, Math.ceil(count / block));
  const own = new Float32Array((blocks.end - blocks.start) * block * width);
  for (let i = blocks.start; i < blocks.end; i++) {
    signal.throwIfAborted();
    own.set(await compute(i * block), (i - blocks.start) * block * width);
  }
  const parts = await group.allGather(new Uint8Array(own.buffer));
  signal.throwIfAborted();
  return new Float32Array(new Uint8Array(Buffer.concat(parts)).buffer).subarray(0, count * width);
}

/** Rows in double precision; the last block may be short, since whoever computes it is alone with it. */
async function gatheredRows(
  { count, block, width }: Shape,
  { group, signal }: GatheringOptions,
  { rows }: { rows: (start: number, end: number) => Promise<Float64Array> },
): Promise<Float64Array> {
  const blocks = shardRange(group.rank, group.worldSize, Math.ceil(count / block));
  const start = Math.min(count, blocks.start * block);
  const own = new Float64Array((Math.min(count, blocks.end * block) - start) * width);
  for (let i = blocks.start; i < blocks.end; i++) {
    signal.throwIfAborted();
    own.set(await rows(i * block, Math.min(count, (i + 1) * block)), (i * block - start) * width);
  }
  const parts = await group.allGather(new Uint8Array(own.buffer));
  signal.throwIfAborted();
  return new Float64Array(new Uint8Array(Buffer.concat(parts)).buffer);
}

async function gatheredTexts(
  count: number,
  { group, signal }: GatheringOptions,
  write: (start: number, end: number) => Promise<readonly string[]>,
): Promise<string[]> {
  const blocks = shardRange(group.rank, group.worldSize, Math.ceil(count / PROMPT_BLOCK));
  const own: string[] = [];
  for (let i = blocks.start; i < blocks.end; i++) {
    signal.throwIfAborted();
    own.push(...(await write(i * PROMPT_BLOCK, Math.min(count, (i + 1) * PROMPT_BLOCK))));
  }
  const parts = await group.allGather(new TextEncoder().encode(JSON.stringify(own)));
  signal.throwIfAborted();
  return parts.flatMap((part) => JSON.parse(new TextDecoder().decode(part)) as string[]);
}
