/** The arithmetic of one training step: 2 for each multiply-add of a matrix product. */

export interface MatrixProduct {
  /** Positions that are multiplied with the matrix. */
  readonly rows: number;
  /** Weights of the matrix. */
  readonly weights: number;
  /** Forward, gradient of the input, gradient of the weights: how many of the three there are. */
  readonly passes: number;
}

export interface Attention {
  readonly queries: number;
  readonly keys: number;
  /** Of all heads. */
  readonly width: number;
  /** 1: forward alone; 3: with the backward pass, where each of the two products becomes two. */
  readonly passes: 1 | 3;
}

export const productFlops = ({ rows, weights, passes }: MatrixProduct): number => 2 * rows * weights * passes;

/** Scores and their sums over the values, as if no key were masked. */
export const attentionFlops = ({ queries, keys, width, passes }: Attention): number =>
  2 * 2 * queries * keys * width * passes;

/** A trained block that attends to itself over `tokens` positions. */
export const blockFlops = (block: {
  readonly tokens: number;
  readonly weights: number;
  readonly width: number;
}): number =>
  productFlops({ rows: block.tokens, weights: block.weights, passes: 3 }) +
  attentionFlops({ queries: block.tokens, keys: block.tokens, width: block.width, passes: 3 });
