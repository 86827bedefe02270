/**
 * Safetensors files that are written while their tensors are read, one at a time: as one file, as shards with an index, or as
 * another file again with some of its numbers replaced.
 */
import assert from 'node:assert';
import type { SafetensorsReader } from './reader.ts';
import { indexOf } from './weight-files.ts';
import { bytesOf, headerOf, inFileOrder, type WrittenTensor } from './written-header.ts';

export interface StreamedTensor extends WrittenTensor {
  /** As many bytes as type and shape need. They are not kept. */
  read(): Promise<Uint8Array>;
}

export interface StreamedFile {
  readonly path: string;
  /** From the beginning at each call. */
  readonly content: () => AsyncIterable<Uint8Array>;
}

const PIECE_BYTES = 1024 * 1024;
/** As transformers 4 cuts (5 cuts at ten times that): one file is what a download takes up again. */
const SHARD_BYTES = 5e9;

/** Equal tensors give equal bytes, in whatever order they come. */
export async function* safetensorsStream(
  tensors: readonly StreamedTensor[],
  metadata?: Readonly<Record<string, string>>,
): AsyncGenerator<Uint8Array> {
  const ordered = inFileOrder(tensors);
  yield headerOf(ordered, metadata);
  for (const tensor of ordered) yield* pieces(await tensor.read(), bytesOf(tensor), tensor.name);
}

/**
 * `model.safetensors`, or `model-00001-of-00003.safetensors` ... and their index where the tensors need more than `shardBytes`.
 * A tensor is never cut: a larger one has a shard of its own.
 */
export function safetensorsFiles(
  tensors: readonly StreamedTensor[],
  options: {
    readonly path?: string;
    readonly shardBytes?: number;
    readonly metadata?: Readonly<Record<string, string>>;
  } = {},
): StreamedFile[] {
  const { path = 'model.safetensors', shardBytes = SHARD_BYTES, metadata } = options;
  const shards = cut(tensors, shardBytes);
  if (shards.length <= 1) return [{ path, content: () => safetensorsStream(tensors, metadata) }];
  const stem = path.replace(/\.safetensors$/, '');
  const digits = (n: number) => String(n).padStart(5, '0');
  const pathOf = (shard: number) => `${stem}-${digits(shard + 1)}-of-${digits(shards.length)}.safetensors`;
  const placed = shards.flatMap((shard, i) => shard.map(({ name }) => [name, pathOf(i)] as const));
  const index = {
    metadata: { total_size: tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0) },
    weight_map: Object.fromEntries(placed.toSorted(([a], [b]) => (a < b ? -1 : 1))),
  };
  return [
    ...shards.map((shard, i) => ({ path: pathOf(i), content: () => safetensorsStream(shard, metadata) })),
    {
      path: indexOf(path),
      content: async function* () {
        yield new TextEncoder().encode(`${JSON.stringify(index, null, 2)}\n`);
      },
    },
  ];
}

/**
 * A file that was read, again: header, names, order and types as they stand in it, and so every byte where nothing is replaced.
 * @param replaced the bytes of a tensor in the type that the file has, or undefined for those in the file.
 */
export async function* sameFile(
  file: SafetensorsReader,
  replaced: (name: string) => Promise<Uint8Array> | undefined = () => undefined,
): AsyncGenerator<Uint8Array> {
  yield file.headerBytes;
  for (const { name, bytes } of file.entries.values())
    yield* pieces(await (replaced(name) ?? file.read(name)), bytes, name);
}

function* pieces(bytes: Uint8Array, expected: number, name: string): Generator<Uint8Array> {
  assert(bytes.byteLength === expected, `${name} has ${bytes.byteLength} of ${expected} bytes`);
  for (let start = 0; start < bytes.byteLength; start += PIECE_BYTES)
    yield bytes.subarray(start, start + PIECE_BYTES);
}

/** In the order given, each shard as full as it goes. */
function cut(tensors: readonly StreamedTensor[], shardBytes: number): StreamedTensor[][] {
  const shards: StreamedTensor[][] = [];
  let filled = Number.POSITIVE_INFINITY;
  for (const tensor of tensors) {
    const bytes = bytesOf(tensor);
    if (filled + bytes > shardBytes || shards.length === 0) {
      shards.push([]);
      filled = 0;
    }
    shards.at(-1)!.push(tensor);
    filled += bytes;
  }
  return shards;
}
