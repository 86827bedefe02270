/** A binary heap of numbers: the smallest comes out first. */
export class NumberHeap {
  readonly #values: number[] = [];

  get smallest(): number | undefined {
    return this.#values[0];
  }

  push(value: number): void {
    const values = this.#values;
    let at = values.push(value) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((values[parent] as number) <= value) break;
      values[at] = values[parent] as number;
      at = parent;
    }
    values[at] = value;
  }

  pop(): number | undefined {
    const values = this.#values;
    const first = values[0];
    const last = values.pop();
    if (values.length === 0 || last === undefined) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= values.length) break;
      if (child + 1 < values.length && (values[child + 1] as number) < (values[child] as number)) child += 1;
      if ((values[child] as number) >= last) break;
      values[at] = values[child] as number;
      at = child;
    }
    values[at] = last;
    return first;
  }
}
