/**
 * Activation checkpointing (https://arxiv.org/abs/1604.06174): part of a forward pass that keeps nothing but its inputs and
 * runs once more when its gradient is due. A third more arithmetic for the activations of all parts but one.
 */
import assert from 'node:assert';
import { type Tensor, tf } from '../tensorflow.ts';
import { record } from './recording.ts';
import { differentiable, withCaptured } from './tape.ts';

/**
 * `forward(inputs)`, to be recomputed in the backward pass. The gradients have the same bits as without, as long as no
 * input is used outside of `forward` too: its contributions are then added in another order.
 *
 * `forward` runs twice: it must compute the same from the tensors that it is given, not from those that the caller has
 * (parameters may have changed in between), and draw its random numbers from a stream that it makes itself. Every tensor
 * that it takes from outside must be in `inputs`: the gradient of a captured one would be lost, so the backward pass
 * throws where it finds one. Only the gradients of inputs that need one are computed. Checkpoints may nest.
 */
export function checkpoint<Name extends string>(
  inputs: Readonly<Record<Name, Tensor>>,
  forward: (inputs: Readonly<Record<Name, Tensor>>) => Tensor,
): Tensor {
  const names = Object.keys(inputs) as Name[];
  assert(
    new Set(names.map((name) => inputs[name].id)).size === names.length,
    'checkpoint: a tensor is given twice',
  );
  return differentiable({
    inputs,
    // An operation inside an operation is not recorded: what `forward` makes on the way is freed at its end.
    forward: (save) => {
      save(...names.map((name) => inputs[name]));
      return forward(inputs);
    },
    gradients: (dy, saved) => {
      const given = Object.fromEntries(names.map((name, i) => [name, saved[i]!])) as Record<Name, Tensor>;
      return (wanted) => {
        const sources = wanted.map((name) => given[name as Name]);
        using recording = record(sources, () => [closedForward(given, forward)]);
        const gradients: Tensor[] = [];
        for (const { input, gradient } of recording.drain([dy])) gradients[input] = gradient;
        return gradients;
      };
    },
  });
}

function closedForward<Name extends string>(
  given: Readonly<Record<Name, Tensor>>,
  forward: (inputs: Readonly<Record<Name, Tensor>>) => Tensor,
): Tensor {
  const { output, captured } = withCaptured(Object.values(given), () => tf.tidy(() => forward(given)));
  const shapes = captured.map(({ shape }) => `[${shape}]`).join(', ');
  assert(
    captured.length === 0,
    `checkpoint: forward uses tensors of shape ${shapes} from outside; pass them in its inputs`,
  );
  return output;
}
