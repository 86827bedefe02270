/** What the quickstart does with each architecture: the sample scenes as which datasets, which preset, which scores. */
import type { RunSpec } from '@triptych/protocol';

export interface Journey {
  /** As people write it. */
  readonly title: string;
  /** All are read from the folder of the sample scenes; the first one is scored. */
  readonly datasets: readonly { readonly name: string; readonly format: string }[];
  readonly spec: Pick<RunSpec, 'model' | 'dataset' | 'datasets' | 'inputs' | 'duration' | 'evaluation'>;
}

const captions = { name: 'scenes', format: 'scenes' };
const questions = { name: 'scenes-questions', format: 'scenes-questions' };
const conversations = { name: 'scenes-conversations', format: 'scenes-conversations' };

export const journeys = {
  clip: {
    title: 'CLIP',
    datasets: [captions],
    spec: {
      model: 'clip-small',
      dataset: captions.name,
      evaluation: { tasks: ['zero-shot', 'retrieval'], split: 'test', baseline: true },
    },
  },
  flamingo: {
    title: 'Flamingo',
    datasets: [questions],
    spec: {
      model: 'flamingo-small',
      dataset: questions.name,
      // All four questions about a picture in one text: half as many epochs see each twice as often.
      inputs: { questionsTogether: 4 },
      duration: { epochs: 3 },
      evaluation: { tasks: ['vqa'], split: 'test', baseline: true, limit: 300 },
    },
  },
  llava: {
    title: 'LLaVA',
    datasets: [conversations],
    spec: {
      model: 'llava-small',
      dataset: conversations.name,
      evaluation: { tasks: ['instruction'], split: 'test', baseline: true, limit: 100 },
    },
  },
} as const satisfies Readonly<Record<string, Journey>>;

export type JourneyName = keyof typeof journeys;
