/** Columns of text, as wide as they need to be. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns whose numbers line up at the right, by index. */
  readonly right?: readonly number[];
}

/** Lines without trailing blanks, each with its line end. */
export function renderTable({ head, rows, right = [] }: Table): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const pad = (text: string, column: number): string =>
    right.includes(column) ? text.padStart(widths[column]!) : text.padEnd(widths[column]!);
  return all.map((row) => `${row.map(pad).join('  ').trimEnd()}\n`).join('');
}
