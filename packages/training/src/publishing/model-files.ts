/** A trained model as the files of a Hugging Face folder, with a card that says what it was made from. */
import type { Model } from '@triptych/models';
import { type NamedContent, streamOf } from '@triptych/storage';
import { type ModelCardFacts, modelCard } from './model-card.ts';

/** The weights are read when the file is stored; they must not change before. */
export function modelFiles(model: Model, facts: ModelCardFacts): NamedContent[] {
  const card = { path: 'README.md', content: new TextEncoder().encode(modelCard(facts)) };
  return [
    ...model.export().map(({ path, content }) => ({
      path,
      content: content instanceof Uint8Array ? content : streamOf(content),
    })),
    card,
  ];
}
