/**
 * Single operations by onnxruntime, straight on the wasm heap and synchronously.
 *
 * Its public `run` is asynchronous and TensorFlow.js kernels are not, so this calls the synchronous binding inside the
 * package. That is private: the version is pinned exactly, and whoever uses it tests it first (open.ts).
 */
import { createRequire } from 'node:module';
import { BARRIER_OUTPUT, type OperationModel, operationModel, RESULT } from './model.ts';

/** Numbers and their shape, as onnxruntime takes them. */
export interface OnnxTensor {
  readonly data: Float32Array;
}

interface OnnxSession {
  loadModel(buffer: ArrayBufferLike, offset: number, length: number, options: object): void;
  run(
    feeds: Record<string, OnnxTensor>,
    fetches: Record<string, OnnxTensor | null>,
    options: object,
  ): unknown;
}

interface Binding {
  readonly binding: { InferenceSession: new () => OnnxSession };
  initOrt(): void;
}

type TensorClass = new (type: 'float32', numbers: Float32Array, shape: readonly number[]) => OnnxTensor;

export type Operation = Omit<OperationModel, 'barrier'>;

export interface OnnxRuntime {
  readonly threads: number;
  /** The numbers are not copied. */
  tensor(numbers: Float32Array, shape: readonly number[]): OnnxTensor;
  /** Computes the operation into `result`. */
  run(operation: Operation, inputs: Readonly<Record<string, OnnxTensor>>, result: OnnxTensor): void;
}

/** Throws where the package cannot be loaded. */
export function loadOnnxruntime(threads: number): OnnxRuntime {
  // It would report to its makers and write session files. A worker thread needs `env: SHARE_ENV` for this to reach it.
  process.env['ORT_DISABLE_TELEMETRY'] ??= '1';
  const require = createRequire(import.meta.url);
  const { binding, initOrt } = require('onnxruntime-node/dist/binding.js') as Binding;
  const { Tensor } = require('onnxruntime-common') as { Tensor: TensorClass };
  initOrt();

  const sessions = new Map<Operation, { plain?: OnnxSession; barrier?: OnnxSession }>();
  const sessionFor = (operation: Operation, kind: 'plain' | 'barrier'): OnnxSession => {
    const known = sessions.get(operation) ?? {};
    sessions.set(operation, known);
    let session = known[kind];
    if (session === undefined) {
      session = new binding.InferenceSession();
      const bytes = operationModel({ ...operation, barrier: kind === 'barrier' });
      session.loadModel(bytes.buffer, bytes.byteOffset, bytes.byteLength, sessionOptions(threads));
      known[kind] = session;
    }
    return session;
  };

  return {
    threads,
    tensor: (numbers, shape) => new Tensor('float32', numbers, shape),
    run(operation, inputs, result) {
      if (4 * result.data.length < BARRIER_BYTES)
        sessionFor(operation, 'plain').run(inputs, { [RESULT]: result }, {});
      else runWithoutCopy(sessionFor(operation, 'barrier'), inputs, result);
    },
  };
}

/** Threads that spin while they wait take the cores from each other: 3.8 s a step instead of 1.0 s with two. */
const sessionOptions = (threads: number) => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  extra: { session: { intra_op: { allow_spinning: '0' }, inter_op: { allow_spinning: '0' } } },
});

/**
 * The binding of this version copies every result into a new ArrayBuffer, although it lies where it was asked for: a
 * twelfth of a training step, with the garbage collection that follows. Results are handed over in order, and one that is
 * no tensor cannot be: with an empty sequence before the result, the call ends there, with everything computed.
 */
function runWithoutCopy(
  session: OnnxSession,
  inputs: Readonly<Record<string, OnnxTensor>>,
  result: OnnxTensor,
): void {
  try {
    session.run(inputs, { [BARRIER_OUTPUT]: null, [RESULT]: result }, {});
  } catch (error) {
    if (!String(error).includes('Non tensor type is temporarily not supported')) throw error;
    return;
  }
  throw new Error('onnxruntime hands over what the expected version could not');
}

/**
 * Below, the copy is cheaper than the exception, which a decoding step of eight sequences met in every layer; above, its garbage
 * costs another core several times as much.
 */
export const BARRIER_BYTES = 2 ** 16;
