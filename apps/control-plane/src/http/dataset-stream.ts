/** A registration as server-sent events: the dataset each time that it has changed, until it is READY or INVALID. */
import type { DatasetStore } from '../store/dataset-store.ts';
import type { Following } from './event-streams.ts';

/** What another control plane reads is seen within this time. */
const POLL_MS = 1000;

/** Ends with the dataset's deletion, too. */
export async function* datasetStream(
  datasets: Pick<DatasetStore, 'find'>,
  { follower, signal, heartbeatMs = 15_000 }: Following,
): AsyncGenerator<string, void, void> {
  using following = follower;
  let told = '';
  let quietSince = performance.now();
  yield 'retry: 1000\n\n';
  while (!signal.aborted) {
    const dataset = await datasets.find(following.subject);
    if (!dataset) return;
    const data = JSON.stringify(dataset);
    if (data !== told) yield `event: dataset\ndata: ${data}\n\n`;
    else if (performance.now() - quietSince >= heartbeatMs) yield ': heartbeat\n\n';
    else {
      try {
        await following.moved({ timeoutMs: POLL_MS, signal });
      } catch {
        return;
      }
      continue;
    }
    told = data;
    quietSince = performance.now();
    if (dataset.state !== 'VALIDATING') return;
  }
}
