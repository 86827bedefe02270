/**
 * The only file that touches the private parts of the TensorFlow.js engine.
 *
 * Why: `tf.grads` runs forward and backward in one synchronous call, while a distributed step has to exchange
 * features between the two; and `tf.customGrad` computes the gradients of all inputs, frozen ones too. Both are
 * solved by the tape that the engine keeps anyway. `@tensorflow/tfjs-core` is pinned to an exact version, and
 * {@link assertTapeWorks} checks at start that the tape still behaves as used here.
 */
import assert from 'node:assert';
import { type Tensor, tf } from '../tensorflow.ts';

/**
 * What an operation knows of the gradients of its inputs: a thunk for each, so that a frozen one costs nothing; or, where
 * they share their work, one function that is given the names of the wanted inputs and computes these in that order.
 */
export type InputGradients =
  | Record<string, () => Tensor>
  | ((wanted: readonly string[]) => readonly Tensor[]);

/** One differentiable operation that was run. `saved` is owned by the tape. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, Tensor | undefined>>;
  readonly outputs: readonly Tensor[];
  readonly gradient?: (outputGradients: (Tensor | null)[]) => InputGradients;
  readonly saved: readonly Tensor[];
}

interface TapeEngine {
  state: { gradientDepth: number; activeTape: TapeNode[] | null };
  startTape(): void;
  endTape(): void;
  nextTensorId(): number;
  runKernelFunc(parameters: {
    forwardFunc: (backend: unknown, save: (tensors: Tensor[]) => void) => Tensor;
    backwardsFunc: (dy: Tensor, saved: Tensor[]) => InputGradients;
    inputs: Record<string, Tensor>;
    attrs: object;
  }): Tensor;
}

const engine = () => tf.engine() as unknown as TapeEngine;

/**
 * Runs `forward` and returns its result together with the operations that were run.
 * Whoever calls owns the result and every `saved` tensor; all other tensors made on the way are disposed.
 */
export function runOnTape(forward: () => Tensor[]): { outputs: Tensor[]; tape: readonly TapeNode[] } {
  const { state } = engine();
  assert(
    state.gradientDepth === 0,
    'recordings do not nest: record() was called inside another forward pass',
  );
  engine().startTape();
  try {
    // A copy of each output (a reference, not its bytes) is a fresh tensor even where an input is returned as it is.
    const outputs = tf.tidy(() => forward().map((output) => tf.keep(tf.clone(output))));
    return { outputs, tape: state.activeTape ?? [] };
  } catch (error) {
    for (const node of state.activeTape ?? []) tf.dispose(node.saved as Tensor[]);
    throw error;
  } finally {
    engine().endTape();
    state.activeTape = null;
  }
}

/**
 * Runs `forward`, which must be called inside a recording, and returns with its result the tensors that its operations
 * took although they are neither among `given` nor made by `forward` itself: what it captured.
 */
export function withCaptured(
  given: readonly Tensor[],
  forward: () => Tensor,
): { output: Tensor; captured: Tensor[] } {
  const start = engine().state.activeTape!.length;
  // Ids are given in ascending order: whatever `forward` makes has a later one.
  const firstOwnId = engine().nextTensorId();
  const known = new Set(given.map(({ id }) => id));
  const output = forward();
  const captured = new Map<number, Tensor>();
  for (const { inputs } of engine().state.activeTape!.slice(start))
    for (const input of Object.values(inputs))
      if (input !== undefined && input.id < firstOwnId && !known.has(input.id)) captured.set(input.id, input);
  return { output, captured: [...captured.values()] };
}

/**
 * One operation with its own gradient. Like `tf.customGrad`, but `gradients` tells the inputs apart, so that
 * the gradient of a frozen weight is never computed. `gradients` may only use `dy` and what `forward` saved.
 */
export function differentiable(operation: {
  readonly inputs: Record<string, Tensor>;
  readonly forward: (save: (...tensors: Tensor[]) => void) => Tensor;
  readonly gradients: (dy: Tensor, saved: readonly Tensor[]) => InputGradients;
}): Tensor {
  return engine().runKernelFunc({
    inputs: operation.inputs,
    attrs: {},
    forwardFunc: (_backend, save) => operation.forward((...tensors) => save(tensors)),
    backwardsFunc: operation.gradients,
  });
}

/** Rejects when the pinned engine does not record, keep and release as this package expects. */
export async function assertTapeWorks(): Promise<void> {
  const before = tf.memory().numTensors;
  const x = tf.scalar(3);
  const { outputs, tape } = runOnTape(() => [
    differentiable({
      inputs: { x },
      forward: (save) => {
        save(x);
        return tf.square(x);
      },
      gradients: (dy, [saved]) => ({ x: () => tf.mul(dy, tf.mul(2, saved as Tensor)) }),
    }),
  ]);
  const node = tape.find((candidate) => candidate.inputs['x'] === x && candidate.saved.length === 1);
  const slope = tf.tidy(() => {
    const gradients = node?.gradient?.([tf.scalar(1)]) as Record<string, () => Tensor> | undefined;
    return gradients?.['x']?.();
  });
  const slopeAt3 = (await slope?.data())?.[0];
  for (const { saved } of tape) tf.dispose(saved as Tensor[]);
  tf.dispose([...outputs, x, slope ?? []]);
  assert(
    slopeAt3 === 6,
    `TensorFlow.js ${tf.version_core} records operations differently; 4.22.0 is expected`,
  );
  assert(tf.memory().numTensors === before, `TensorFlow.js ${tf.version_core} leaks recorded tensors`);
}
