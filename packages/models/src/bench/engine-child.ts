/**
 * One competitor of the engine benchmark: a process that takes the folder with the workload, then an order a line on its
 * standard input, and answers each with a line of JSON.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { AdamW, drainInto, type KernelProfile, profileKernels, selectBackend, tf } from '@triptych/nn';
import type {
  ChildOptions,
  ChildOrder,
  Generated,
  GenerateOrder,
  Ready,
  TaskFile,
  Trained,
  TrainOrder,
} from './messages.ts';
import { type NamedInput, OPTIMIZER } from './workload.ts';
import { workloads } from './workloads.ts';

const options = JSON.parse(process.argv[2]!) as ChildOptions;
const description = await selectBackend(options.choice);
const profile = options.profile ? profileKernels() : undefined;
const task = JSON.parse(readFileSync(join(options.folder, 'task.json'), 'utf8')) as TaskFile;
const { batch } = task;
const inputs = new Map(task.inputs.map((input) => [input.name, read(input)]));
const { open, textGeneration } = workloads[task.workload]!;
const opened = await open();
const { parameters } = opened;
const optimizer = new AdamW(parameters.layout, OPTIMIZER);
const gradient = new Float32Array(parameters.layout.length);

answer<Ready>({ engine: `${description.backend}, ${description.gemm}` });
for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as ChildOrder;
  if (order.kind === 'train') answer(await train(order, profile));
  else answer(await generate(order));
}
process.exit(0);

async function train({ steps }: TrainOrder, profiled: KernelProfile | undefined): Promise<Trained> {
  profiled?.reset();
  const { seconds, results } = await timed(step, steps);
  return {
    seconds,
    losses: results,
    peakBytes: process.resourceUsage().maxRSS * 1024,
    ...(profiled ? { kernels: profiled.read() } : {}),
  };
}

async function generate({ prompts, newTokens, times }: GenerateOrder): Promise<Generated> {
  using model = await textGeneration!.open();
  const { seconds, results } = await timed(() => model.generate(inputs, { prompts, newTokens }), times);
  return { seconds, tokens: results.at(-1)! };
}

async function timed<T>(
  work: () => Promise<T>,
  times: number,
): Promise<{ readonly seconds: number[]; readonly results: T[] }> {
  const seconds: number[] = [];
  const results: T[] = [];
  for (let i = 0; i < times; i++) {
    const began = performance.now();
    results.push(await work());
    seconds.push((performance.now() - began) / 1000);
  }
  return { seconds, results };
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
