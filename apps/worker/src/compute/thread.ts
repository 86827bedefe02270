/**
 * The compute thread: makes the tensor engine ready once, then does one job after the other: trainings and predictions. It may
 * block its event loop for a whole step; that is why it is a thread of its own.
 */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { connectGroup } from '@triptych/collective';
import { selectBackend } from '@triptych/nn';
import {
  ClientSource,
  channelTo,
  control,
  type Numerics,
  patientChannelOptions,
  presenting,
  secretKeys,
} from '@triptych/protocol';
import { type ArtifactStore, boundedStore, cachedStore, folderStore, patientStore } from '@triptych/storage';
import { measureNumerics, predict, train } from '@triptych/training';
import { grpcStore } from '../artifacts.ts';
import { errorOf, failureOf } from './failure.ts';
import type { FromThread, Job, Lease, PredictionJob, ThreadSettings, ToThread } from './messages.ts';
import { ModelSlot } from './model-slot.ts';

const port = parentPort as MessagePort;
const settings = workerData as ThreadSettings;
let { leaseSecret, control: address } = settings;
const options = {
  ...patientChannelOptions,
  interceptors: [presenting(secretKeys.lease, () => leaseSecret)],
};
const controlPlane = new ClientSource(
  () => new control.ControlClient(address, ...channelTo('control-plane', settings.tls, options)),
);
const slot = new ModelSlot();
let numerics: Numerics | undefined;
let current: AbortController | undefined;
let job = Promise.resolve();

port.on('message', (message: ToThread) => {
  if (message.kind === 'train') job = runJob(message.job, message.group);
  else if (message.kind === 'predict') job = runPrediction(message.job);
  else if (message.kind === 'lease') hold(message.lease);
  else if (message.kind === 'abort') current?.abort(errorOf(message.reason));
  else void close();
});

await warmUp();

async function warmUp(): Promise<void> {
  const started = performance.now();
  try {
    const description = await selectBackend(settings.engine);
    numerics = await measureNumerics(description, settings.version);
    tell({ kind: 'ready', description, numerics, seconds: (performance.now() - started) / 1000 });
  } catch (error) {
    tell({ kind: 'unusable', failure: failureOf(error) });
  }
}

function hold(lease: Lease): void {
  leaseSecret = lease.secret;
  if (lease.control === address) return;
  address = lease.control;
  controlPlane.renew();
}

/** The thread ends by itself when nothing is left to do. */
async function close(): Promise<void> {
  await job;
  slot.close();
  controlPlane.close();
  port.close();
}

async function runJob({ rank, worldSize, ...input }: Job, groupPort: MessagePort): Promise<void> {
  current = new AbortController();
  const { signal } = current;
  const checkpointStore = storeFor(signal);
  const store = patientStore(checkpointStore, {
    signal,
    onWait: (value) => tell({ kind: 'event', event: { $case: 'storage', value } }),
  });
  // A training needs all the memory that there is.
  slot.close();
  const group = connectGroup(groupPort, { rank, worldSize });
  try {
    for await (const event of train({ ...input, group, store, checkpointStore, signal, numerics }))
      tell({ kind: 'event', event });
    await group.close();
    tell({ kind: 'done' });
  } catch (error) {
    // Peers are waiting in the same operation: they learn at once, not by a time-out.
    group.abort(error as Error);
    tell({ kind: 'failed', failure: failureOf(error) });
  } finally {
    current = undefined;
    groupPort.close();
  }
}

async function runPrediction({ model: artifact, inputs, ...asked }: PredictionJob): Promise<void> {
  current = new AbortController();
  const { signal } = current;
  try {
    const model = await slot.open({ store: storeFor(signal), artifact, inputs });
    signal.throwIfAborted();
    for await (const output of predict(model, { ...asked, signal })) tell({ kind: 'output', output });
    tell({ kind: 'done' });
  } catch (error) {
    tell({ kind: 'failed', failure: failureOf(error) });
  } finally {
    current = undefined;
  }
}

/** One for each job: what the job uses stays in the cache as long as it lasts. */
function storeFor(signal: AbortSignal): ArtifactStore {
  const { artifactsFolder, cacheBytes } = settings;
  const folder = folderStore(artifactsFolder);
  const near = cacheBytes === undefined ? folder : boundedStore(folder, { limitBytes: cacheBytes });
  return cachedStore(near, grpcStore(controlPlane, { signal }));
}

function tell(message: FromThread): void {
  port.postMessage(message);
}
