/** The keys and values that each gated block makes of the media of a batch of sequences. It is not differentiable. */
import { embed, tf } from '@triptych/nn';

export class MediaCache {
  readonly #layers = new Map<number, tf.Tensor3D>();

  /** [B, M, 2Hd] of a layer, made when it is asked for the first time. The cache keeps it. */
  get(layer: number, make: () => tf.Tensor3D): tf.Tensor3D {
    const known = this.#layers.get(layer);
    if (known) return known;
    const made = tf.keep(make());
    this.#layers.set(layer, made);
    return made;
  }

  /** Goes on with these sequences, in this order; one may occur several times. */
  select(sequences: Int32Array): void {
    for (const [layer, rows] of this.#layers) {
      const [batch, length, width] = rows.shape;
      if (sequences.length === batch && sequences.every((sequence, i) => sequence === i)) return;
      const selected = tf.tidy(() => {
        const table = tf.reshape<tf.Rank.R2>(rows, [batch, length * width]);
        const chosen = embed(table, tf.tensor1d(sequences, 'int32'));
        return tf.reshape<tf.Rank.R3>(chosen, [sequences.length, length, width]);
      });
      this.#layers.set(layer, tf.keep(selected));
      rows.dispose();
    }
  }

  dispose(): void {
    for (const rows of this.#layers.values()) rows.dispose();
    this.#layers.clear();
  }
}
