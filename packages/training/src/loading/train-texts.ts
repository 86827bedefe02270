/** Every text of the train splits: what the vocabulary of a model without one is learnt from. */
import type { Content, Dataset } from '@triptych/datasets';

export function* trainTexts(datasets: readonly Dataset[]): Generator<string> {
  for (const dataset of datasets)
    for (const index of dataset.indices('train')) yield* textsOf(dataset.manifest.samples[index]!.content);
}

function* textsOf(content: Content): Generator<string> {
  switch (content.kind) {
    case 'captions':
      yield* content.texts;
      return;
    case 'question':
      yield content.question;
      yield* content.answers;
      return;
    case 'interleaved':
      for (const part of content.parts) if (typeof part === 'string') yield part;
      return;
    case 'conversation':
      for (const { text } of content.turns) yield text;
  }
}
