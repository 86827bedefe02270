// A compute thread whose jobs do what their dataset "manifest" says, and whose start is what the name of its control plane says.
import { parentPort, threadId, workerData } from 'node:worker_threads';

const description = {
  backend: 'cpu',
  device: `thread ${threadId}`,
  threads: 1,
  gemm: 'javascript',
  precision: 'float32',
};
const numerics = {
  ...{
    digest: 'd'.repeat(12),
    backend: 'cpu',
    device: 'cpu',
    gemm: 'javascript',
    precision: 'float32',
    threads: 1,
  },
  ...{
    version: '0.1.0',
    libraries: '',
    arithmetic: 'a'.repeat(12),
    pictures: 'b'.repeat(12),
    text: 'c'.repeat(12),
  },
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
  leave() {
    tell({ kind: 'done' });
    setImmediate(() => process.exit(3));
  },
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

// The environment is shared by all threads of the process: it tells the first from the next.
const [next] = workerData.control.split(':');
const isFirst = process.env['TRIPTYCH_TEST_STARTED'] === undefined;
process.env['TRIPTYCH_TEST_STARTED'] = '1';
if (isFirst || next === '127.0.0.1') tell({ kind: 'ready', description, numerics, seconds: 0 });
else if (next === 'unusable') tell({ kind: 'unusable', failure: failure('BACKEND_UNAVAILABLE', false) });
