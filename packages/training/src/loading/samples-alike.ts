/** Which samples of the train split could stand in front of another one as its demonstrations. */
import type { Dataset, RandomStream } from '@triptych/datasets';

/** Draws, for a sample of the manifest, at most `count` others of its kind with as many pictures, no two with the same ones. */
export function samplesAlike(
  dataset: Dataset,
): (index: number, count: number, stream: RandomStream) => readonly number[] {
  const { samples } = dataset.manifest;
  const keyOf = (index: number) => `${samples[index]!.content.kind} ${samples[index]!.images.length}`;
  const picturesOf = (index: number) => samples[index]!.images.join(' ');
  const alike = new Map<string, number[]>();
  for (const index of dataset.indices('train')) {
    const key = keyOf(index);
    const known = alike.get(key);
    if (known) known.push(index);
    else alike.set(key, [index]);
  }
  return (index, count, stream) => {
    const all = alike.get(keyOf(index)) ?? [];
    // A demonstration about the very picture that is asked about would give its answer away.
    const seen = new Set([picturesOf(index)]);
    const drawn: number[] = [];
    for (const one of candidates(all, count, stream)) {
      if (drawn.length === count) break;
      if (seen.has(picturesOf(one))) continue;
      seen.add(picturesOf(one));
      drawn.push(one);
    }
    return drawn;
  };
}

/** More than are wanted: some are about the same pictures. All of few; of many, some may come twice. */
function* candidates(all: readonly number[], count: number, stream: RandomStream): Generator<number> {
  const turns = TURNS * count;
  if (all.length <= turns) yield* stream.shuffle([...all]);
  else for (let turn = 0; turn < turns; turn++) yield stream.pick(all);
}

const TURNS = 8;
