/**
 * Recording: a forward pass whose backward pass can run later, with other work (an all-gather, other recordings) in
 * between. It walks the tape itself and frees each intermediate gradient as soon as it was used.
 */
import assert from 'node:assert';
import { type Tensor, tf } from '../tensorflow.ts';
import { runOnTape, type TapeNode } from './tape.ts';

export interface Recording {
  /** Owned by the recording: valid until `dispose()`. */
  readonly outputs: readonly Tensor[];
  /**
   * The gradient of `sum(outputs * outputGradients)` for every input, zeros where an input was not used. The
   * caller owns what is returned and keeps what it passed. May be called more than once.
   */
  backward(outputGradients: readonly Tensor[]): Tensor[];
  /** Releases everything that the forward pass kept. Calling it again does nothing. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** Runs `forward` now, differentiable with respect to `inputs`; `forward` must be synchronous. */
export function record(inputs: readonly Tensor[], forward: () => Tensor[]): Recording {
  const { outputs, tape } = runOnTape(forward);
  const { nodes, reached } = nodesFromInputs(tape, inputs);
  let disposed = false;
  const dispose = () => {
    if (disposed) return;
    disposed = true;
    for (const node of nodes) tf.dispose(node.saved as Tensor[]);
    tf.dispose(outputs);
  };
  const backward = (outputGradients: readonly Tensor[]) => {
    assert(!disposed, 'backward() was called on a disposed recording');
    assert(outputGradients.length === outputs.length, 'backward() needs one gradient for each output');
    return tf.tidy(() => propagate({ nodes, reached, inputs, outputs, outputGradients }));
  };
  return { outputs, backward, dispose, [Symbol.dispose]: dispose };
}

/** The nodes that depend on an input, in order. What the others saved (a frozen tower, say) is released here. */
function nodesFromInputs(tape: readonly TapeNode[], inputs: readonly Tensor[]) {
  const reached = new Set(inputs.map((input) => input.id));
  const nodes: TapeNode[] = [];
  for (const node of tape) {
    if (Object.values(node.inputs).some((input) => input !== undefined && reached.has(input.id))) {
      for (const output of node.outputs) reached.add(output.id);
      nodes.push(node);
    } else {
      tf.dispose(node.saved as Tensor[]);
    }
  }
  return { nodes, reached };
}

interface Backward {
  readonly nodes: readonly TapeNode[];
  readonly reached: ReadonlySet<number>;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly outputGradients: readonly Tensor[];
}

/** Walks the nodes backward; each gradient has one owner at a time, the map. */
function propagate({ nodes, reached, inputs, outputs, outputGradients }: Backward): Tensor[] {
  const gradients = new Map<number, Tensor>();
  outputs.forEach((output, i) => {
    const gradient = outputGradients[i]!;
    tf.util.assertShapesMatch(gradient.shape, output.shape, `Gradient of output ${i}: `);
    gradients.set(output.id, tf.clone(gradient));
  });
  for (const node of nodes.toReversed()) {
    const dys = node.outputs.map((output) => gradients.get(output.id) ?? null);
    if (dys.every((dy) => dy === null)) continue;
    const names = Object.keys(node.inputs).filter((name) => reached.has(node.inputs[name]?.id ?? -1));
    const dxs = tf.tidy(() => inputGradients(node, dys, names));
    for (const output of node.outputs) {
      gradients.get(output.id)?.dispose();
      gradients.delete(output.id);
    }
    names.forEach((name, i) => {
      accumulate(gradients, node.inputs[name]!, dxs[i]!);
    });
  }
  return inputs.map((input) => {
    const gradient = gradients.get(input.id);
    return gradient === undefined ? tf.zerosLike(input) : tf.clone(gradient);
  });
}

/** Fresh tensors, even where the node hands through its own `dy`, a saved tensor, or one tensor twice. */
function inputGradients(node: TapeNode, dys: (Tensor | null)[], names: readonly string[]): Tensor[] {
  assert(node.gradient !== undefined, `the operation ${node.kernelName} has no gradient`);
  const thunks = node.gradient(dys);
  return names.map((name) => tf.clone(thunks[name]!()));
}

function accumulate(gradients: Map<number, Tensor>, input: Tensor, dx: Tensor): void {
  tf.util.assertShapesMatch(dx.shape, input.shape, 'Gradient of an input: ');
  const present = gradients.get(input.id);
  if (present === undefined) {
    gradients.set(input.id, dx);
    return;
  }
  gradients.set(input.id, tf.add(present, dx));
  tf.dispose([present, dx]);
}
