/** One run in the thread of a process of its own, and the most memory that the process had, from loading to the published model. */
import { parentPort, workerData } from 'node:worker_threads';
import { memoryGroups } from '@triptych/collective';
import { selectBackend, wasmHeapBytes } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import { folderStore } from '@triptych/storage';
import { train } from '../train.ts';
import type { Answer, Order } from './messages.ts';

parentPort!.postMessage(await measure(workerData as Order));

async function measure({ spec, backend, artifacts, datasetManifest }: Order): Promise<Answer> {
  await selectBackend({ backend });
  const idleRssBytes = peakRssBytes();
  const started = performance.now();
  const result = await run({ spec, artifacts, datasetManifest });
  return {
    ...result,
    seconds: (performance.now() - started) / 1000,
    peakRssBytes: peakRssBytes(),
    idleRssBytes,
    heapBytes: wasmHeapBytes(),
  };
}

async function run(
  order: Pick<Order, 'spec' | 'artifacts' | 'datasetManifest'>,
): Promise<Pick<Answer, 'outcome' | 'message' | 'weights'>> {
  const { spec, artifacts, datasetManifest } = order;
  const [group] = memoryGroups(1);
  const { signal } = new AbortController();
  let weights = '';
  try {
    const store = folderStore(artifacts);
    for await (const event of train({
      spec,
      group: group!,
      store,
      datasetManifests: [datasetManifest],
      signal,
    }))
      if (event.$case === 'model') weights = event.value.weightsSha256;
    return { outcome: 'finished', weights };
  } catch (error) {
    const code = error instanceof TriptychError ? `${error.code}: ` : '';
    return { outcome: 'failed', message: code + (error as Error).message };
  }
}

/** Of the whole process, threads included. */
function peakRssBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
