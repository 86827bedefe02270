/** One run in a process of its own, from loading to the published model, and the most memory that the process had. */
import { memoryGroups } from '@triptych/collective';
import { selectBackend, wasmHeapBytes } from '@triptych/nn';
import { TriptychError } from '@triptych/protocol';
import { folderStore } from '@triptych/storage';
import { train } from '../train.ts';
import type { Answer, Order } from './messages.ts';

process.once('message', (order: Order) => {
  void measure(order).then((answer) => process.send!(answer, () => process.exit(0)));
});

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

const peakRssBytes = () => process.resourceUsage().maxRSS * 1024;
