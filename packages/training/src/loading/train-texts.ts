/** Every text of the train splits: what the vocabulary of a model without one is learnt from. */
import type { Dataset } from '@triptych/datasets';

export function* trainTexts(datasets: readonly Dataset[]): Generator<string> {
  for (const dataset of datasets)
    for (const index of dataset.indices('train')) yield* dataset.manifest.samples[index]!.captions;
}
