/**
 * Recording: a forward pass whose backward pass can run later, with other work (an all-gather, other recordings) in
 * between. How the gradients flow is propagation.ts' business.
 */
import assert from 'node:assert';
import { type Tensor, tf } from '../tensorflow.ts';
import { type InputGradient, propagate } from './propagation.ts';
import { runOnTape, type TapeNode } from './tape.ts';

export interface Recording {
  /** Owned by the recording: valid until `dispose()`. */
  readonly outputs: readonly Tensor[];
  /**
   * The gradient of `sum(outputs * outputGradients)` for every input, zeros where an input was not used. The
   * caller owns what is returned and keeps what it passed. May be called more than once.
   */
  backward(outputGradients: readonly Tensor[]): Tensor[];
  /**
   * The same numbers one by one, each as soon as it is complete, and for the last time: what the forward pass kept is
   * released on the way, and the recording is disposed at the end. So the activations and all gradients are never
   * there together. The caller owns every gradient; it may await between two of them.
   */
  drain(outputGradients: readonly Tensor[]): Generator<InputGradient, void>;
  /** Releases everything that the forward pass kept. Calling it again does nothing. */
  dispose(): void;
  [Symbol.dispose](): void;
}

/** Runs `forward` now, differentiable with respect to `inputs`; `forward` must be synchronous. */
export function record(inputs: readonly Tensor[], forward: () => Tensor[]): Recording {
  const { outputs, tape } = runOnTape(forward);
  const pass = { ...nodesFromInputs(tape, inputs), inputs, outputs };
  let disposed = false;
  const dispose = () => {
    if (disposed) return;
    disposed = true;
    for (const node of pass.nodes) tf.dispose(node.saved as Tensor[]);
    tf.dispose(outputs);
  };
  const check = (outputGradients: readonly Tensor[]) => {
    assert(!disposed, 'backward() was called on a disposed recording');
    assert(outputGradients.length === outputs.length, 'backward() needs one gradient for each output');
  };
  return {
    outputs,
    backward(outputGradients) {
      check(outputGradients);
      return tf.tidy(() => {
        const gradients: Tensor[] = [];
        for (const { input, gradient } of propagate({ ...pass, outputGradients, release: false }))
          gradients[input] = gradient;
        return gradients;
      });
    },
    *drain(outputGradients) {
      check(outputGradients);
      try {
        yield* propagate({ ...pass, outputGradients, release: true });
      } finally {
        dispose();
      }
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
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
