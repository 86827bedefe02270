/**
 * A real worker whose compute thread runs on a GPU, or on a CPU that plays one. Dawn takes the process along where its thread is
 * ended at the wrong moment.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packDataset, writeScenes } from '@triptych/datasets';
import { selectBackend } from '@triptych/nn';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeControlPlane } from './testing/fake-control-plane.ts';
import { spec, trainRequest } from './testing/train-request.ts';
import { WorkerProcess } from './testing/worker-process.ts';

const missing = await selectBackend({ backend: 'webgpu', allowSoftwareGpu: true }).then(
  () => undefined,
  (error: Error) => error.message,
);
if (missing !== undefined) process.stdout.write(`The worker on webgpu is left out: ${missing}\n`);

const plane = new FakeControlPlane();
let folder: string;
let datasetManifest: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'triptych-webgpu-'));
  plane.heartbeatMs = 100;
  await plane.start();
  await writeScenes({ path: join(folder, 'scenes'), images: 20 });
  const packed = await packDataset({ path: join(folder, 'scenes'), format: 'auto', store: plane.store });
  datasetManifest = packed.sha256;
});

afterAll(async () => {
  plane.stop();
  await rm(folder, { recursive: true, force: true });
});

test.skipIf(missing !== undefined)(
  'stopped while it compiles its shaders the worker lives on, trains the next run, and exits with 0',
  async () => {
    const worker = await WorkerProcess.start(plane, {
      TRIPTYCH_BACKEND: 'webgpu',
      TRIPTYCH_ALLOW_SOFTWARE_GPU: '1',
      TRIPTYCH_CACHE_DIR: join(folder, 'cache'),
    });
    const train = (runId: string, steps: number) => {
      const batch = { global: 4, shards: 2 };
      const specJson = JSON.stringify({ ...spec, duration: { steps }, batch });
      const peers = [{ rank: 0, address: worker.address, workerId: worker.workerId }];
      return worker.train(trainRequest({ runId, peers, specJson, datasetManifests: [datasetManifest] }));
    };
    const stopped = train('run-stopped', 1000);
    await expect
      .poll(() => plane.heartbeats.at(-1)?.assignments[0]?.runId, { timeout: 20_000 })
      .toBe('run-stopped');
    await worker.stop({ runId: 'run-stopped', attempt: 1, fencingToken: 1, reason: 'test' });
    expect((await stopped).at(-1)?.event).toMatchObject({ $case: 'failed', value: { code: 'CANCELLED' } });
    const events = await train('run-next', 1);
    expect(events.at(-1)?.event?.$case).toBe('finished');
    expect(plane.registered).toHaveLength(1);
    expect(plane.registered[0]?.backend).toBe('webgpu');
    expect(await worker.end('SIGTERM')).toBe(0);
  },
  // SwiftShader compiles in 20 s on idle cores; 150 s were seen on busy ones.
  600_000,
);
