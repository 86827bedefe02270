/** The expected tensors of a case, each to be compared once; what is left over was not computed. */
import type { GoldenCase, SafetensorsTensor, Tolerance } from '@triptych/nn';
import { exact, missing, numbers } from './check.ts';
import type { Check } from './launch/check.ts';

export class ExpectedResults {
  readonly #tensors: ReadonlyMap<string, SafetensorsTensor>;
  readonly #left: Set<string>;
  readonly #checks: Check[] = [];

  constructor(golden: GoldenCase) {
    this.#tensors = golden.tensors('expected.safetensors').tensors;
    this.#left = new Set(this.#tensors.keys());
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /** Expected names that match. */
  names(pattern: RegExp): string[] {
    return [...this.#tensors.keys()].filter((name) => pattern.test(name));
  }

  tensor(name: string): SafetensorsTensor {
    return this.#tensors.get(name)!;
  }

  /** Compares where the case has such a tensor. `rows` picks from both what is to be compared. */
  numbers(
    name: string,
    actual: ArrayLike<number>,
    options: { readonly tolerance: Tolerance; readonly rows?: (values: Float32Array) => Float32Array },
  ): void {
    if (!this.#left.delete(name)) return;
    const { tolerance, rows = (values) => values } = options;
    const expected = this.tensor(name).float32();
    const own = actual instanceof Float32Array && actual.length === expected.length ? rows(actual) : actual;
    this.#checks.push(numbers(name, { actual: own, expected: rows(expected), tolerance }));
  }

  /** Whole numbers that must be equal. */
  exact(name: string, actual: ArrayLike<number>): void {
    if (!this.#left.delete(name)) return;
    this.#checks.push(exact(name, Float32Array.from(actual), this.tensor(name).float32()));
  }

  /** Adds a check of something that is no expected tensor. */
  add(check: Check): void {
    this.#checks.push(check);
  }

  /** All comparisons, and what the case expects and nobody computed. */
  checks(): Check[] {
    return [...this.#checks, ...[...this.#left].map(missing)];
  }
}
