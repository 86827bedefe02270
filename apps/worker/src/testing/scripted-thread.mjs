// A compute thread whose jobs do what their dataset "manifest" says.
import { parentPort, threadId } from 'node:worker_threads';

const description = {
  backend: 'cpu',
  device: `thread ${threadId}`,
  threads: 1,
  gemm: 'javascript',
  precision: 'float32',
};
const failure = (code, reusable) => ({
  code,
  message: code,
  violations: [],
  stack: code,
  blamedRank: undefined,
  reusable,
});
const tell = (message) => parentPort.postMessage(message);
const hoard = [];

const jobs = {
  finish() {
    tell({
      kind: 'event',
      event: { $case: 'phase', value: { phase: `thread ${threadId}`, step: 0, totalSteps: 0, message: '' } },
    });
    tell({ kind: 'done' });
  },
  refuse: () => tell({ kind: 'failed', failure: failure('DATASET_INVALID', true) }),
  break: () => tell({ kind: 'failed', failure: failure('INTERNAL', false) }),
  throw() {
    throw new Error('nobody expected this');
  },
  exit: () => process.exit(3),
  hang() {
    for (;;);
  },
  wait() {},
  hoard() {
    for (;;) hoard.push(new Array(1_000_000).fill(hoard.length));
  },
};

parentPort.on('message', (message) => {
  if (message.kind === 'train') jobs[message.job.datasetManifests[0]]();
  else if (message.kind === 'abort') tell({ kind: 'failed', failure: failure('CANCELLED', true) });
});
tell({ kind: 'ready', description, seconds: 0 });
