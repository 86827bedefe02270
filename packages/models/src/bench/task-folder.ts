/** A workload as files that every competitor can read: what to compute, with which numbers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskFile, TensorPlace } from './messages.ts';
import { type FlatTensors, OPTIMIZER, type Workload } from './workload.ts';

/** What `use` makes of the folder, which is gone afterwards. A backend must have been selected. */
export async function withTaskFolder<T>(
  { workload, batch }: { readonly workload: Workload; readonly batch: number },
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'triptych-bench-'));
  try {
    await writeTask(folder, workload, batch);
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeTask(folder: string, workload: Workload, batch: number): Promise<void> {
  const inputs = workload.inputs(batch);
  using opened = await workload.open();
  const frozen = await opened.frozen();
  const task: TaskFile = {
    workload: workload.name,
    batch,
    peer: workload.peer,
    optimizer: OPTIMIZER,
    parameters: placesOf(opened.parameters),
    frozen: placesOf(frozen),
    inputs: inputs.map(({ name, shape, values }) => ({
      name,
      shape,
      dtype: values instanceof Float32Array ? 'float32' : 'int32',
    })),
  };
  await writeFile(join(folder, 'task.json'), JSON.stringify(task));
  await writeFile(join(folder, 'parameters.bin'), opened.parameters.flat);
  await writeFile(join(folder, 'frozen.bin'), frozen.flat);
  for (const { name, values } of inputs) await writeFile(join(folder, `${name}.bin`), values);
}

const placesOf = ({ layout }: Pick<FlatTensors, 'layout'>): TensorPlace[] =>
  layout.specs.map(({ key, shape, offset, length, decay }) => ({ key, shape, offset, length, decay }));
