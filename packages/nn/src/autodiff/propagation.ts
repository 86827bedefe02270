/**
 * How gradients flow back through recorded operations: it walks the tape itself and frees each intermediate gradient as
 * soon as it was used. Who owns the recording, and when it ends, is not its business.
 */
import assert from 'node:assert';
import { type Tensor, tf } from '../tensorflow.ts';
import type { TapeNode } from './tape.ts';

/** The gradient of input number `input`, complete; owned by whoever receives it. */
export interface InputGradient {
  readonly input: number;
  readonly gradient: Tensor;
}

export interface Propagation {
  /** In forward order; only those that depend on an input. */
  readonly nodes: readonly TapeNode[];
  /** Ids of the inputs and of everything that depends on them. */
  readonly reached: ReadonlySet<number>;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly outputGradients: readonly Tensor[];
  /** Whether to dispose what a node saved as soon as it was used. */
  readonly release: boolean;
}

/** Walks the nodes backward; each gradient has one owner at a time: the map, then the receiver. */
export function* propagate(pass: Propagation): Generator<InputGradient, void> {
  const { nodes, reached, inputs, outputs, outputGradients, release } = pass;
  const completeAt = inputsByFirstUse(nodes, inputs);
  const gradients = new Map<number, Tensor>();
  try {
    outputs.forEach((output, i) => {
      const gradient = outputGradients[i]!;
      tf.util.assertShapesMatch(gradient.shape, output.shape, `Gradient of output ${i}: `);
      gradients.set(output.id, tf.clone(gradient));
    });
    for (let at = nodes.length - 1; at >= 0; at--) {
      const node = nodes[at]!;
      passThrough(node, gradients, reached);
      if (release) tf.dispose(node.saved as Tensor[]);
      yield* handOut(completeAt.get(at) ?? [], inputs, gradients);
    }
    yield* handOut(completeAt.get(UNUSED) ?? [], inputs, gradients);
  } finally {
    tf.dispose([...gradients.values()]);
  }
}

const UNUSED = -1;

/** The numbers of the inputs by the first node that uses them: going backward, nothing is added to them after it. */
function inputsByFirstUse(nodes: readonly TapeNode[], inputs: readonly Tensor[]): Map<number, number[]> {
  const firstUse = new Map<number, number>();
  for (const [at, node] of nodes.entries())
    for (const input of Object.values(node.inputs))
      if (input !== undefined && !firstUse.has(input.id)) firstUse.set(input.id, at);
  const byNode = new Map<number, number[]>();
  // An input that was given twice is handed out twice, together.
  for (const [number, { id }] of inputs.entries()) {
    const at = firstUse.get(id) ?? UNUSED;
    byNode.set(at, [...(byNode.get(at) ?? []), number]);
  }
  return byNode;
}

function* handOut(
  numbers: readonly number[],
  inputs: readonly Tensor[],
  gradients: Map<number, Tensor>,
): Generator<InputGradient, void> {
  for (const [i, input] of numbers.entries()) {
    const tensor = inputs[input]!;
    const gradient = gradients.get(tensor.id);
    if (gradient === undefined) {
      yield { input, gradient: tf.zerosLike(tensor) };
    } else if (numbers.slice(i + 1).some((later) => inputs[later]!.id === tensor.id)) {
      yield { input, gradient: tf.clone(gradient) };
    } else {
      gradients.delete(tensor.id);
      yield { input, gradient };
    }
  }
}

/** Takes the gradients of a node's outputs out of the map and adds those of its inputs. */
function passThrough(node: TapeNode, gradients: Map<number, Tensor>, reached: ReadonlySet<number>): void {
  const dys = node.outputs.map((output) => gradients.get(output.id) ?? null);
  if (dys.every((dy) => dy === null)) return;
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

/** Fresh tensors, even where the node hands through its own `dy`, a saved tensor, or one tensor twice. */
function inputGradients(node: TapeNode, dys: (Tensor | null)[], names: readonly string[]): Tensor[] {
  assert(node.gradient !== undefined, `the operation ${node.kernelName} has no gradient`);
  const known = node.gradient(dys);
  const dxs = typeof known === 'function' ? known(names) : names.map((name) => known[name]!());
  return dxs.map((dx) => tf.clone(dx));
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
