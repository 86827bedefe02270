/** Fleets whose workers do not all compute alike, on real trainers and the real record. Oracle: who was asked to train what with whom. */
import { TriptychError } from '@triptych/protocol';
import { expect, test } from 'vitest';
import { anyNumerics } from '../testing/numerics.ts';
import { execute } from '../testing/postgres.ts';
import { allSteps, useSupervision } from './testing/supervisions.ts';

const supervisions = useSupervision();

const messageOf = async (runId: string) => (await supervisions.stores.runs.get(runId)).message;

test('of workers that differ, each in something else, only those train together that compute alike', async () => {
  const plane = await supervisions.launch({ leaseMs: 10_000 });
  const others = [];
  for (const numerics of [
    { gemm: 'assemblyscript' },
    { precision: 'bf16' },
    { threads: 2 },
    { version: '0.2.0' },
  ])
    others.push(...(await supervisions.addScripted(plane, 1, { numerics })));
  const { id } = await supervisions.submit(plane, { min: 2 });
  await expect.poll(() => messageOf(id), { interval: 20 }).toContain('do not compute alike (');
  for (const said of ['gemm=assemblyscript', 'precision=bf16', 'threads=2', 'version=0.2.0'])
    expect(await messageOf(id)).toContain(said);
  const alike = await supervisions.addScripted(plane, 2);
  await supervisions.reaches(id, 'SUCCEEDED');
  expect(alike.map(({ trains }) => trains.length > 0)).toEqual([true, true]);
  expect(others.map(({ trains }) => trains.length)).toEqual([0, 0, 0, 0]);
  expect((await supervisions.stores.runs.get(id)).numerics).toEqual(anyNumerics());
});

test('a run goes on only where it began, says what differs, and is let go on elsewhere by an operator alone', async () => {
  const plane = await supervisions.launch({ leaseMs: 10_000 });
  const [begun] = await supervisions.addScripted(plane, 1, { checkpoints: [3], pauses: ['step 4'] });
  const { id } = await supervisions.submit(plane, { max: 1 });
  await begun!.reached('step 4');
  await expect.poll(() => supervisions.stepsOf(id), { interval: 20 }).toContain(4);
  await expect(supervisions.stores.runs.acceptOtherNumerics(id)).rejects.toMatchObject({
    code: 'ILLEGAL_STATE',
  });
  const [other] = await supervisions.addScripted(plane, 1, { numerics: { version: '0.2.0' } });
  begun!.crash();
  await expect.poll(() => messageOf(id), { interval: 20 }).toContain('began with version=0.1.0');
  expect(await messageOf(id)).toContain('version=0.2.0');
  expect(other!.trains).toEqual([]);

  await supervisions.stores.runs.acceptOtherNumerics(id);
  await supervisions.reaches(id, 'SUCCEEDED');
  expect(other!.trains[0]?.checkpointSha256).toBe('3'.repeat(64));
  expect(await supervisions.stepsOf(id)).toEqual(allSteps);
  const story = await supervisions.stores.history.events(id, { limit: 500 });
  expect(story.map(({ message }) => message)).toContainEqual(
    expect.stringContaining(`other numerics than ${anyNumerics().digest}`),
  );
  expect((await supervisions.stores.runs.get(id)).numerics?.version).toBe('0.2.0');
});

test('the next control plane keeps a run to the numerics it began with', async () => {
  const plane = await supervisions.launch({ leaseMs: 10_000 });
  const [begun] = await supervisions.addScripted(plane, 1, { pauses: ['step 2'] });
  const { id, spec } = await supervisions.submit(plane, { max: 1 });
  await begun!.reached('step 2');
  await plane.close();
  begun!.crash();
  const next = await supervisions.launch({ timing: { returnWindowMs: 100 } });
  await next.queue.enqueue(id, spec.priority);
  const [other] = await supervisions.addScripted(next, 1, { numerics: { gemm: 'assemblyscript' } });
  await expect.poll(() => messageOf(id), { interval: 20 }).toContain('began with gemm=onnxruntime');
  const [alike] = await supervisions.addScripted(next, 1);
  await supervisions.reaches(id, 'SUCCEEDED');
  expect(other!.trains).toEqual([]);
  expect(alike!.trains.length).toBeGreaterThan(0);
});

test('a run of a release without numerics, and with fewer fields in its spec, goes on under this one', async () => {
  const plane = await supervisions.launch({ leaseMs: 10_000 });
  const [begun] = await supervisions.addScripted(plane, 1, { checkpoints: [1], pauses: ['step 2'] });
  const { id, spec } = await supervisions.submit(plane, { max: 1 });
  await begun!.reached('step 2');
  await expect.poll(() => supervisions.stepsOf(id), { interval: 20 }).toContain(2);
  await plane.close();
  begun!.crash();
  await execute(
    supervisions.stores.url,
    "UPDATE runs SET numerics = NULL, spec = spec - 'memory' - 'method' - 'inputs' WHERE id = $1",
    [id],
  );
  const next = await supervisions.launch({ timing: { returnWindowMs: 100 }, leaseMs: 10_000 });
  await next.queue.enqueue(id, spec.priority);
  const [worker] = await supervisions.addScripted(next, 1, { numerics: { version: '0.2.0' } });
  await supervisions.reaches(id, 'SUCCEEDED');
  expect(worker!.trains.at(-1)?.checkpointSha256).toBe('1'.repeat(64));
  expect((await supervisions.stores.runs.get(id)).numerics?.version).toBe('0.2.0');
});

test('a worker that says what is not so computes nothing for the run, and others are preferred to it', async () => {
  const plane = await supervisions.launch({ blameMs: 60_000, leaseMs: 10_000 });
  const [liar] = await supervisions.addScripted(plane, 1, {
    numerics: { gemm: 'assemblyscript' },
    saysNumerics: { gemm: 'onnxruntime' },
  });
  const { id } = await supervisions.submit(plane, { max: 1 });
  const told = async () =>
    (await supervisions.stores.history.events(id, { limit: 500 })).map((event) => event.message);
  await expect
    .poll(told, { interval: 20 })
    .toContainEqual(expect.stringContaining('needs gemm=onnxruntime, this worker has gemm=assemblyscript'));
  const [honest] = await supervisions.addScripted(plane, 1);
  await supervisions.reaches(id, 'SUCCEEDED');
  expect(honest!.trains.length).toBeGreaterThan(0);
  expect(liar!.trains.length).toBeGreaterThan(0);
  expect(await supervisions.stepsOf(id)).toEqual(allSteps);
});

test('where no other worker is there, a run ends that its workers refuse again and again', async () => {
  const plane = await supervisions.launch({ leaseMs: 10_000 });
  await supervisions.addScripted(plane, 1, {
    numerics: { precision: 'bf16' },
    saysNumerics: { precision: 'float32' },
  });
  const { id } = await supervisions.submit(plane, { max: 1 });
  await supervisions.reaches(id, 'FAILED');
  expect(await supervisions.stores.runs.get(id)).toMatchObject({
    reason: 'OTHER_NUMERICS',
    message: expect.stringContaining('needs precision=float32, this worker has precision=bf16'),
  });
});

test('only a run that waits, and is bound, can be let go on with other numerics', async () => {
  const plane = await supervisions.launch({ leaseMs: 10_000 });
  const { id } = await supervisions.submit(plane);
  await expect(supervisions.stores.runs.acceptOtherNumerics(id)).rejects.toBeInstanceOf(TriptychError);
  await supervisions.stores.runs.requestCancel(id);
});
