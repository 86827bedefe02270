/**
 * One run in a process of its own, made as a worker's is: the engine in a thread with a large nursery. It reports the most memory
 * that the process had, from loading to the published model.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { memoryGroups } from '@triptych/collective';
import { selectBackend, wasmHeapBytes } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import { folderStore } from '@triptych/storage';
import { train } from '../train.ts';
import type { Answer, Order } from './messages.ts';

if (isMainThread) {
  process.once('message', (order: Order) => {
    const thread = new Worker(new URL(import.meta.url), { workerData: order });
    thread.once('message', (answer: Answer) => process.send!(answer, () => process.exit(0)));
  });
} else {
  parentPort!.postMessage(await measure(workerData as Order));
}

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
    for await (const event of train({ spec, group: group!, store, datasetManifest, signal }))
      if (event.$case === 'model') weights = event.value.weightsSha256;
    return { outcome: 'finished', weights };
  } catch (error) {
    const code = error instanceof TriptychError ? `${error.code}: ` : '';
    return { outcome: 'failed', message: code + (error as Error).message };
  }
}

/** Of the whole process, threads included. */
const peakRssBytes = () => process.resourceUsage().maxRSS * 1024;
