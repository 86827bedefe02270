/** Follows one run to its end on a display. It prints no result and sets no exit code. */
import type { TriptychClient } from '@triptych/client';
import { isTerminal, type Progress, type Run, type RunEvent, type RunStatus } from '@triptych/protocol';
import type { ProgressDisplay } from './progress.ts';

export interface WatchOptions {
  readonly client: TriptychClient;
  readonly runId: string;
  readonly display: ProgressDisplay;
  /** Ends the watch, not the run. */
  readonly signal?: AbortSignal;
}

const phases: Partial<Record<RunStatus, string>> = {
  RUNNING: 'training',
  EVALUATING: 'evaluating',
  FINALIZING: 'publishing',
};

/** The run as it ended. Rejects with the signal's reason where that came first. */
export async function watchRun({ client, runId, display, signal }: WatchOptions): Promise<Run> {
  const call = signal ? { signal } : {};
  try {
    for await (const event of client.runs.events(runId, call)) show(display, event);
    return await client.runs.get(runId, call);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    display.finish();
  }
}

function show(display: ProgressDisplay, event: RunEvent): void {
  if (event.type === 'progress') {
    const { step, totalSteps, loss, samplesPerSecond, etaSeconds } = event.data as unknown as Progress;
    const phase = phases[event.status] ?? event.status.toLowerCase();
    display.update({ phase, step, totalSteps, loss, samplesPerSecond, etaSeconds });
    return;
  }
  if (event.type === 'state' && isTerminal(event.status)) display.finish();
  if (event.type === 'checkpoint') return;
  const kind = event.type === 'state' ? event.status : event.type;
  display.fact(event.at, `${kind.padEnd(10)}  ${event.message}`);
}
