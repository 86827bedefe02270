/** A process made as a worker's is: it loads little itself and gives a thread with a large nursery to the engine. */
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Answer, Order } from './messages.ts';

process.once('message', (order: Order) => {
  for (const flag of ['--min-semi-space-size=64', '--max-semi-space-size=128']) setFlagsFromString(flag);
  const thread = new Worker(new URL('./measured-run.js', import.meta.url), { workerData: order });
  thread.once('message', (answer: Answer) => process.send!(answer, () => process.exit(0)));
});
