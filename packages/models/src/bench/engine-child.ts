/**
 * One competitor of the engine benchmark: a process that takes the folder with the workload, then an order a line on its
 * standard input, and answers each with a line of JSON.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { AdamW, drainInto, type KernelProfile, profileKernels, selectBackend, tf } from '@triptych/nn';
import type { ChildOptions, ChildOrder, Measured, Ready, TaskFile } from './messages.ts';
import { type NamedInput, OPTIMIZER } from './workload.ts';
import { workloads } from './workloads.ts';

const options = JSON.parse(process.argv[2]!) as ChildOptions;
const description = await selectBackend(options.choice);
const profile = options.profile ? profileKernels() : undefined;
const task = JSON.parse(readFileSync(join(options.folder, 'task.json'), 'utf8')) as TaskFile;
const { batch } = task;
const inputs = new Map(task.inputs.map((input) => [input.name, read(input)]));
const opened = await workloads[task.workload]!.open();
const { parameters } = opened;
const optimizer = new AdamW(parameters.layout, OPTIMIZER);
const gradient = new Float32Array(parameters.layout.length);

answer<Ready>({ engine: `${description.backend}, ${description.gemm}` });
for await (const line of createInterface({ input: process.stdin })) {
  const { steps } = JSON.parse(line) as ChildOrder;
  answer(await measure(steps, profile));
}
process.exit(0);

async function measure(steps: number, profiled: KernelProfile | undefined): Promise<Measured> {
  profiled?.reset();
  const seconds: number[] = [];
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const began = performance.now();
    losses.push(await step());
    seconds.push((performance.now() - began) / 1000);
  }
  return {
    seconds,
    losses,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    ...(profiled ? { kernels: profiled.read() } : {}),
  };
}

/** Forward, backward and AdamW, as a training step does it; what it resolves to is the loss. */
async function step(): Promise<number> {
  using recording = opened.record(inputs, batch);
  const [loss] = recording.outputs;
  const value = (await loss!.data())[0]!;
  const one = tf.onesLike(loss!);
  await drainInto(recording.drain([one]), parameters.layout, gradient);
  one.dispose();
  optimizer.step(parameters.flat, gradient, OPTIMIZER.learningRate);
  parameters.upload();
  return value;
}

function read({ name, shape, dtype }: TaskFile['inputs'][number]): NamedInput {
  const floats = readFloats(`${name}.bin`);
  return { name, shape, values: dtype === 'float32' ? floats : new Int32Array(floats.buffer) };
}

function readFloats(file: string): Float32Array {
  return new Float32Array(new Uint8Array(readFileSync(join(options.folder, file))).buffer);
}

function answer<T>(message: T): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
