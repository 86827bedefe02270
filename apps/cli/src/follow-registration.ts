/** What a person sees while the folder of a dataset is read. */
import type { TriptychClient } from '@triptych/client';
import type { Dataset, ReadyDataset } from '@triptych/protocol';
import type { ProgressDisplay } from './progress.ts';

const words = { waiting: 'waiting', read: 'reading', check: 'checking', pack: 'storing' } as const;

/** Resolves when the dataset is READY; rejects with what is wrong with it where it is INVALID. */
export async function followRegistration(options: {
  readonly client: TriptychClient;
  readonly dataset: string;
  readonly display: ProgressDisplay;
  readonly signal: AbortSignal;
}): Promise<ReadyDataset> {
  const { client, dataset, display, signal } = options;
  let said: string | undefined;
  const show = ({ progress }: Dataset) => {
    if (!progress) return;
    const { phase, done, total, message } = progress;
    display.update({ phase: words[phase], unit: 'image', step: done, totalSteps: total });
    if (message !== undefined && message !== said) display.line(message);
    said = message;
  };
  try {
    return await client.datasets.ready(dataset, { onChange: show, signal });
  } finally {
    display.finish();
  }
}
