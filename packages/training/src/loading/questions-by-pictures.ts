/** Which questions of the train split are about the same pictures. */
import type { Dataset, Question } from '@triptych/datasets';

/** Finds, for a sample of the manifest, the other questions about its pictures; none for a sample without pictures. */
export function questionsByPictures(dataset: Dataset): (index: number) => readonly Question[] {
  const { samples } = dataset.manifest;
  const about = new Map<string, { readonly index: number; readonly content: Question }[]>();
  for (const index of dataset.indices('train')) {
    const { content, images } = samples[index]!;
    if (content.kind !== 'question' || images.length === 0) continue;
    const pictures = images.join(' ');
    const found = about.get(pictures);
    if (found) found.push({ index, content });
    else about.set(pictures, [{ index, content }]);
  }
  return (index) =>
    (about.get(samples[index]!.images.join(' ')) ?? []).flatMap((one) =>
      one.index === index ? [] : [one.content],
    );
}
