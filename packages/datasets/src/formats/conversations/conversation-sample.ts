/** A conversation and the images it speaks of, from the fields of an entry or a row. */
import type { Split } from '@triptych/protocol';
import { type SourceSample, sampleFault } from '../../sample.ts';
import type { Reading } from '../format.ts';
import type { ImageCells } from '../image-cells.ts';
import { turnsOf, withImagesFirst } from './turns.ts';

export interface ConversationFields {
  /** A list of turns. */
  readonly turns: unknown;
  /** The entry's images, in the order of their `<image>`; one, several, none. */
  readonly images: unknown;
  /** Images that no turn speaks of belong before the first question (TRL); otherwise they are a fault (LLaVA). */
  readonly imagesFirst: boolean;
}

/** Undefined, and a problem, where it is no conversation, or an image is lost. */
export async function conversationSample(
  fields: ConversationFields,
  at: {
    readonly where: string;
    readonly split: Split;
    readonly cells: ImageCells;
    readonly reading: Reading;
    readonly id: () => string;
  },
): Promise<SourceSample | undefined> {
  const { where, split, cells, reading } = at;
  const spoken = turnsOf(fields.turns);
  if (typeof spoken === 'string') {
    reading.problems.add('malformed-sample', `${where}: ${spoken}`);
    return undefined;
  }
  const listed = [fields.images ?? []].flat();
  const given = spoken.shown.map((image) => image ?? listed.shift());
  const all = [...given.filter((image) => image !== undefined), ...listed];
  const images = await cells.all(all, where);
  if (!images) return undefined;
  const turns =
    fields.imagesFirst && given.length === 0 ? withImagesFirst(spoken.turns, images.length) : spoken.turns;
  const sample: SourceSample = { id: where, split, images, content: { kind: 'conversation', turns } };
  const fault = sampleFault(sample);
  if (fault !== undefined) reading.problems.add('malformed-sample', `${where}: ${fault}`);
  return fault === undefined ? { ...sample, id: at.id() } : undefined;
}
