/**
 * Dialects of weight names, as data. Each architecture has canonical names, those of its files on the Hugging Face hub; a
 * dialect says how another program names, packs and turns the same tensors. Every pair reads in both directions. Tensor-free.
 */

/**
 * One kind of tensor. Names are templates: `{i}` is a number, `{kind}` is `weight` or `bias`, `{rest}` is anything.
 * Several canonical names: the file has those tensors in one, one below the other, in equal parts.
 */
export interface NamePair {
  readonly file: string;
  readonly ours: string | readonly string[];
  /** Rows and columns of the matrix are exchanged in the file. */
  readonly transposed?: boolean;
}

export interface Dialect {
  /** As messages name it. */
  readonly name: string;
  /** The first pair that fits a name counts. */
  readonly pairs: readonly NamePair[];
  /** Templates of names in files that are no parameters: buffers of old releases. */
  readonly ignored?: readonly string[];
  /** Templates of canonical names that a file may have though the configuration does not ask for them (a tied head). */
  readonly spare?: readonly string[];
  /** The same, of parts that other configurations have (a head over classes): left out with a note. */
  readonly leftOut?: readonly string[];
}

/** For files that have canonical names whatever they are. */
export const anyNames: Dialect = {
  name: 'any',
  pairs: [{ file: '{rest}', ours: '{rest}' }],
  ignored: ['{rest}.inv_freq', '{rest}.position_ids'],
};

/** What a tensor of a file is: a canonical tensor, or part `part` of `parts`. */
export interface Reading {
  readonly name: string;
  readonly part: number;
  readonly parts: number;
  readonly transposed: boolean;
}

/** The canonical tensors in a file's tensor; undefined where the dialect does not know the name. */
export function readingsOf({ pairs }: Dialect, fileName: string): Reading[] | undefined {
  for (const { file, ours, transposed = false } of pairs) {
    const found = match(file, fileName);
    if (!found) continue;
    const names = typeof ours === 'string' ? [ours] : ours;
    return names.map((template, part) => ({
      name: filled(template, found),
      part,
      parts: names.length,
      transposed,
    }));
  }
  return undefined;
}

/** Where a canonical tensor goes in a file of the dialect; undefined where it has no place there. */
export function writingOf({ pairs }: Dialect, name: string): Reading | undefined {
  for (const { file, ours, transposed = false } of pairs) {
    const names = typeof ours === 'string' ? [ours] : ours;
    for (const [part, template] of names.entries()) {
      const found = match(template, name);
      if (found) return { name: filled(file, found), part, parts: names.length, transposed };
    }
  }
  return undefined;
}

export const isOneOf = (templates: readonly string[] | undefined, name: string): boolean =>
  (templates ?? []).some((template) => match(template, name) !== undefined);

const patterns: Readonly<Record<string, string>> = { i: '\\d+', kind: 'weight|bias', rest: '.+' };
const compiled = new Map<string, RegExp>();

function match(template: string, name: string): Readonly<Record<string, string>> | undefined {
  let pattern = compiled.get(template);
  if (!pattern) {
    const source = template
      .replace(/[.*+?^$()|[\]\\]/g, '\\$&')
      .replace(/\{(\w+)\}/g, (_, placeholder: string) => `(?<${placeholder}>${patterns[placeholder]})`);
    pattern = new RegExp(`^${source}$`);
    compiled.set(template, pattern);
  }
  const found = pattern.exec(name);
  return found ? (found.groups ?? {}) : undefined;
}

const filled = (template: string, values: Readonly<Record<string, string>>): string =>
  template.replace(/\{(\w+)\}/g, (_, placeholder: string) => values[placeholder]!);
