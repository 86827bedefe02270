/** A dataset that can be learnt in a few steps: squares of one of three colours on grey, two captions each. */
import type { DatasetManifest } from '@triptych/datasets';
import { random } from '@triptych/nn';
import type { ArtifactStore } from '@triptych/storage';
import { png } from './png.ts';

const colours = { red: [220, 30, 30], green: [30, 200, 40], blue: [40, 60, 230] } as const;
const classNames = Object.keys(colours) as (keyof typeof colours)[];
const SIDE = 32;

/** Stores the dataset; the result is the hash of its manifest. */
export async function putTinyDataset(
  store: ArtifactStore,
  { train = 24, test = 9, labelled = true } = {},
): Promise<string> {
  const splits = [...Array<'train'>(train).fill('train'), ...Array<'test'>(test).fill('test')];
  const files = splits.map((_, i) => picture(i));
  const pack = await store.put(Buffer.concat(files));
  let offset = 0;
  const samples = splits.map((split, i) => {
    const colour = classNames[i % classNames.length]!;
    return {
      id: `${split}/${String(i).padStart(3, '0')}.png`,
      split,
      images: [i],
      content: {
        kind: 'captions' as const,
        texts: [`a picture of a ${colour} square`, `a ${colour} square on grey`],
      },
      ...(labelled ? { classIndex: i % classNames.length } : {}),
    };
  });
  const images = files.map(({ length }) => {
    offset += length;
    return { pack: 0, offset: offset - length, length };
  });
  const manifest: DatasetManifest = {
    version: 2,
    format: 'class-folders',
    classNames: classNames.map((colour) => `${colour} square`),
    packs: [pack],
    images,
    samples,
  };
  const { sha256 } = await store.put(new TextEncoder().encode(JSON.stringify(manifest)));
  return sha256;
}

function picture(index: number): Uint8Array {
  const stream = random(index, 'tiny dataset');
  const colour = colours[classNames[index % classNames.length]!];
  const size = 12 + stream.integer(12);
  const [left, top] = [stream.integer(SIDE - size), stream.integer(SIDE - size)];
  const rgb = new Uint8Array(SIDE * SIDE * 3).fill(100 + stream.integer(60));
  for (let y = top; y < top + size; y++)
    for (let x = left; x < left + size; x++) rgb.set(colour, (y * SIDE + x) * 3);
  return png(rgb, SIDE);
}
