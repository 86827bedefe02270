/** Weights in the files of a folder: one, or shards that are read back as the same tensors. */
import { bytesRanges, openWeightFiles } from '@triptych/nn/safetensors';
import { expect, test } from 'vitest';
import type { ModelFile } from './model.ts';
import { weightsContent } from './model-files.ts';
import type { NamedTensor } from './model-weights.ts';

const tensors: NamedTensor[] = ['a', 'b', 'c'].map((name, i) => ({
  name,
  shape: [2, 2],
  trained: true,
  read: async () => ({ shape: [2, 2], dtype: 'F32', data: new Float32Array(4).fill(i) }),
}));
const weights = { named: () => tensors };

async function bytesOf({ content }: ModelFile): Promise<Uint8Array> {
  if (content instanceof Uint8Array) return content;
  const pieces: Uint8Array[] = [];
  for await (const piece of content()) pieces.push(piece);
  return new Uint8Array(Buffer.concat(pieces));
}

test('small ones are one file', () => {
  expect(weightsContent(weights).map(({ path }) => path)).toEqual(['model.safetensors']);
});

test('above the limit they are shards with an index, none of them above it', async () => {
  const files = weightsContent(weights, { shardBytes: 40 });
  const [first, second] = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
  expect(files.map(({ path }) => path)).toEqual([first, second, 'model.safetensors.index.json']);
  const contents = new Map<string, Uint8Array>();
  for (const file of files) contents.set(file.path, await bytesOf(file));
  // As transformers writes it.
  expect(JSON.parse(new TextDecoder().decode(contents.get('model.safetensors.index.json')))).toEqual({
    metadata: { total_size: 48 },
    weight_map: { a: first, b: first, c: second },
  });
  const opened = await openWeightFiles(async (path) => {
    const bytes = contents.get(path);
    return bytes && bytesRanges(path, bytes);
  });
  for (const [i, name] of ['a', 'b', 'c'].entries())
    expect(new Float32Array((await opened!.read(name)).buffer)).toEqual(new Float32Array(4).fill(i));
});
