/**
 * Where every named parameter lies in the one flat vector that optimizer, all-reduce and checkpoints work on.
 * It holds no numbers.
 */
import assert from 'node:assert';

/** A named slice of a compute tensor, under its Hugging Face name. */
export interface ParameterPart {
  readonly name: string;
  readonly shape: readonly number[];
}

/**
 * One tensor of the forward pass. It may pack several consecutive named parameters: the query, key and value
 * projections `[D,D]` make one `[3D,D]` tensor.
 */
export interface ParameterTensorSpec {
  readonly key: string;
  readonly shape: readonly number[];
  readonly parts: readonly ParameterPart[];
  /** Whether weight decay applies. */
  readonly decay: boolean;
}

export interface PlacedTensor extends ParameterTensorSpec {
  /** In floats, from the start of the flat vector. */
  readonly offset: number;
  readonly length: number;
}

export interface NamedParameter extends ParameterPart {
  readonly offset: number;
  readonly length: number;
  readonly decay: boolean;
}

export class ParameterLayout {
  readonly specs: readonly PlacedTensor[];
  /** Floats in all. */
  readonly length: number;
  readonly #byKey: ReadonlyMap<string, PlacedTensor>;

  constructor(specs: readonly ParameterTensorSpec[]) {
    let offset = 0;
    this.specs = specs.map((spec) => {
      const placed = { ...spec, offset, length: sizeOf(spec.shape) };
      const partsLength = spec.parts.reduce((sum, part) => sum + sizeOf(part.shape), 0);
      assert(
        partsLength === placed.length,
        `the parts of ${spec.key} have ${partsLength} of ${placed.length} floats`,
      );
      offset += placed.length;
      return placed;
    });
    this.length = offset;
    this.#byKey = new Map(this.specs.map((spec) => [spec.key, spec]));
    assert(this.#byKey.size === specs.length, 'two parameter tensors share a key');
  }

  spec(key: string): PlacedTensor {
    const spec = this.#byKey.get(key);
    assert(spec !== undefined, `there is no parameter tensor ${key}`);
    return spec;
  }

  /** Every named parameter in the order of the flat vector. */
  *named(): Iterable<NamedParameter> {
    for (const { parts, offset: start, decay } of this.specs) {
      let offset = start;
      for (const part of parts) {
        const length = sizeOf(part.shape);
        yield { ...part, offset, length, decay };
        offset += length;
      }
    }
  }
}

const sizeOf = (shape: readonly number[]) => shape.reduce((product, size) => product * size, 1);
