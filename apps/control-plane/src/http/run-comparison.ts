/** Puts runs beside each other. Scores of other data are not comparable: they are refused, not shown. */
import {
  invalidInput,
  MOST_COMPARED,
  Name,
  type Run,
  type RunComparison,
  show,
  type Violation,
  violationsOf,
} from '@triptych/protocol';

export interface ComparedRun {
  readonly run: Run;
  /** Manifest of the dataset that it was scored on; undefined where that is not known any more. */
  readonly manifest: string | undefined;
}

/** @throws TriptychError INVALID_INPUT where these are not two runs at least, or a run is named twice. */
export function assertComparable(names: readonly string[]): void {
  const distinct = new Set(names.filter((name) => violationsOf(Name, name).length === 0));
  if (names.length >= 2 && names.length <= MOST_COMPARED && distinct.size === names.length) return;
  throw invalidInput('comparison', [
    {
      path: '/runs',
      expected: `ids or names of 2 to ${MOST_COMPARED} different runs, with commas between them`,
      actual: show(names.join(',')),
      remedy: 'name each run once: ?runs=first,second',
    },
  ]);
}

/** @throws TriptychError INVALID_INPUT with every run that was scored on other data than the first. */
export function comparisonOf(compared: readonly ComparedRun[]): RunComparison {
  const [first] = compared;
  const violations = compared.slice(1).flatMap((one, i) => otherData(one, first!, i + 1));
  if (violations.length > 0 || first?.manifest === undefined) throw invalidInput('comparison', violations);
  const { split, limit } = first.run.spec.evaluation;
  return {
    runs: compared.map(({ run: { id, name, status, progress, weights } }) => ({
      ...{ id, status, step: progress.step },
      ...(name !== undefined && { name }),
      ...(weights && { weightsSha256: weights.sha256 }),
    })),
    data: { manifest: first.manifest, split, ...(limit !== undefined && { limit }) },
    scores: scoresOf(compared.map(({ run }) => run)),
    differences: differencesOf(compared.map(({ run }) => decidingOf(run))),
  };
}

function otherData(one: ComparedRun, first: ComparedRun, at: number): Violation[] {
  const said = ({ manifest, run: { spec } }: ComparedRun) => {
    const { split, limit } = spec.evaluation;
    const part = limit === undefined ? '' : `the first ${limit} samples of `;
    return `${part}split "${split}" of the dataset ${manifest ?? `${show(spec.dataset)}, whose content is not known any more`}`;
  };
  if (one.manifest !== undefined && said(one) === said(first)) return [];
  return [
    {
      path: `/runs/${at}`,
      expected: `a run that was scored on ${said(first)}, as ${first.run.name ?? first.run.id} was`,
      actual: `${one.run.name ?? one.run.id}, on ${said(one)}`,
      remedy: 'compare runs with the same dataset and evaluation.split, or train it again with these',
    },
  ];
}

function scoresOf(runs: readonly Run[]): RunComparison['scores'] {
  const rows = new Map<string, RunComparison['scores'][number]>();
  for (const [i, { scores }] of runs.entries())
    for (const { task, metric, unit, chance, value, stage } of scores) {
      if (stage !== 'final') continue;
      const key = JSON.stringify([task, metric]);
      const row = rows.get(key) ?? {
        ...{ task, metric, unit, values: Array<number | null>(runs.length).fill(null) },
        ...(chance !== undefined && { chance }),
      };
      row.values[i] = value;
      rows.set(key, row);
    }
  return [...rows.values()];
}

function decidingOf({ spec }: Run): object {
  const { name: _, priority: __, workers: ___, memory: ____, ...rest } = spec;
  return rest;
}

/** Leaves of plain data by their pointers; a list is a leaf. */
function differencesOf(specs: readonly object[]): RunComparison['differences'] {
  const leaves = specs.map((spec) => new Map(leavesOf(spec)));
  const paths = new Set(leaves.flatMap((of) => [...of.keys()]));
  return [...paths].flatMap((path) => {
    const values = leaves.map((of) => of.get(path) ?? null);
    return new Set(values.map((value) => JSON.stringify(value))).size > 1 ? [{ path, values }] : [];
  });
}

function* leavesOf(value: object, prefix = ''): Generator<[path: string, value: unknown]> {
  for (const [key, inner] of Object.entries(value)) {
    const path = `${prefix}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) yield* leavesOf(inner, path);
    else yield [path, inner];
  }
}
