/** What is wrong with files that are to be scored: all of it, counted, each with a remedy. */

export interface Problem {
  /** The file, and where in it. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  readonly remedy: string;
}

export class ProblemsFound extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(
      problems.map(({ path, expected, actual }) => `${path}: expected ${expected}, got ${actual}`).join('; '),
    );
    this.name = 'ProblemsFound';
    this.problems = problems;
  }
}

/** How many ids, entries or names are shown before the rest is counted. */
const SHOWN = 5;

export class ProblemLog {
  readonly #problems: Problem[] = [];
  /** Places with the same fault, by everything else. */
  readonly #repeated = new Map<string, { readonly problem: Problem; readonly places: string[] }>();

  add(problem: Problem): void {
    this.#problems.push(problem);
  }

  /** The same fault in several places of a file is one problem, which counts them. */
  addAt(place: string, problem: Problem): void {
    const key = JSON.stringify(problem);
    const known = this.#repeated.get(key);
    if (known) known.places.push(place);
    else this.#repeated.set(key, { problem, places: [place] });
  }

  get all(): readonly Problem[] {
    const repeated = [...this.#repeated.values()].map(({ problem, places }) => ({
      ...problem,
      actual: `${problem.actual} in ${counted(places, 'place')}`,
    }));
    return [...this.#problems, ...repeated];
  }

  /** @throws ProblemsFound if there is any. */
  throwIfAny(): void {
    if (this.all.length > 0) throw new ProblemsFound(this.all);
  }
}

/** "3 ids: a, b, c", or the first few and how many more. */
export function counted(names: readonly string[], what: string): string {
  const first = names.slice(0, SHOWN).map(shortened).join(', ');
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.length} ${what}${names.length === 1 ? '' : 's'}: ${first}${more}`;
}

/** A value as a message shows it. */
export function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  return shortened(
    typeof value === 'string' ? JSON.stringify(value) : (JSON.stringify(value) ?? String(value)),
  );
}

const shortened = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);
