/**
 * What the weights of a run are a function of (docs/guarantees.md), as it was and as it is here: datasets, base model and towers by
 * their content, and how the workers compute.
 */
import type { TriptychClient } from '@triptych/client';
import {
  type Dataset,
  invalidInput,
  isReady,
  type Model,
  type Numerics,
  numericsDifference,
  type Provenance,
  type RunSpec,
  show,
  type Violation,
  type Worker,
} from '@triptych/protocol';

export interface Condition {
  readonly what: string;
  readonly recorded: string;
  readonly here: string;
  readonly same: boolean;
}

export interface Reproduction {
  /** To submit; names are those that the same content has here. */
  readonly spec: RunSpec;
  readonly conditions: readonly Condition[];
}

/** @throws TriptychError INVALID_INPUT with everything that is not here. */
export async function reproductionOf(
  provenance: Provenance,
  { client, signal }: { readonly client: TriptychClient; readonly signal: AbortSignal },
): Promise<Reproduction> {
  const [datasets, models, workers] = await Promise.all([
    all(client.datasets.list({ signal })),
    all(client.models.list({ signal })),
    all(client.workers({ signal })),
  ]);
  const found = provenance.datasets.map((wanted, i) => sameContent(wanted, datasets, `/datasets/${i}`));
  const base = sameModel(provenance.base, models, '/base');
  const towers = Object.entries(provenance.towers ?? {}).map(
    ([tower, artifact]) => [tower, sameModel({ name: tower, artifact }, models, `/towers/${tower}`)] as const,
  );
  const missing = [...found, base, ...towers.map(([, model]) => model)].flatMap((one) =>
    'remedy' in one ? one : [],
  );
  if (missing.length > 0) throw invalidInput('reproduction', missing);
  const nameOf = (one: Violation | { readonly name: string }) => (one as { readonly name: string }).name;
  const { dataset: _, datasets: mixed, towers: __, ...spec } = provenance.spec as unknown as RunSpec;
  return {
    spec: {
      ...spec,
      model: nameOf(base),
      ...(mixed
        ? { datasets: mixed.map((one, i) => ({ ...one, name: nameOf(found[i]!) })) }
        : { dataset: nameOf(found[0]!) }),
      ...(towers.length > 0 && {
        towers: Object.fromEntries(towers.map(([tower, model]) => [tower, nameOf(model)])),
      }),
    },
    conditions: [
      ...provenance.datasets.map(({ name, manifest }, i) => ({
        ...{ what: `dataset ${name}`, recorded: manifest, here: manifest, same: true },
        ...(nameOf(found[i]!) !== name && { here: `${manifest} (${nameOf(found[i]!)})` }),
      })),
      { what: 'base model', ...baseCondition(provenance.base, nameOf(base)) },
      ...(provenance.numerics ? [numericsCondition(provenance.numerics, workers)] : []),
    ],
  };
}

function sameContent(
  { name, manifest }: Provenance['datasets'][number],
  datasets: readonly Dataset[],
  path: string,
): Violation | { readonly name: string } {
  const same = datasets.filter((one) => isReady(one) && one.manifest === manifest);
  const namesake = datasets.find((one) => one.name === name);
  return (
    same.find((one) => one.name === name) ??
    same[0] ?? {
      path,
      expected: `a dataset of the content ${manifest}, which was ${show(name)}`,
      actual: namesake
        ? `${show(name)} of other content (${namesake.manifest ?? namesake.state})`
        : 'none that is registered here',
      remedy: 'register the folder that it was read from, unchanged: the same files give the same hash',
    }
  );
}

function sameModel(
  { name, artifact }: Provenance['base'],
  models: readonly Model[],
  path: string,
): Violation | { readonly name: string } {
  const same = models.filter((one) =>
    artifact === undefined ? one.kind === 'preset' && one.name === name : one.artifact === artifact,
  );
  return (
    same.find((one) => one.name === name) ??
    same[0] ?? {
      path,
      expected:
        artifact === undefined
          ? `the preset ${show(name)}`
          : `a model with the file list ${artifact}, which was ${show(name)}`,
      actual: 'none that is here',
      remedy: 'import the folder that it was imported from, or train the run again that made it',
    }
  );
}

function baseCondition({ name, artifact }: Provenance['base'], here: string) {
  const recorded = artifact ?? `preset ${name}`;
  return { recorded, here: here === name ? recorded : `${recorded} (${here})`, same: true };
}

/** Some worker is enough: a run is placed on workers that compute alike. */
function numericsCondition(recorded: Numerics, workers: readonly Worker[]): Condition {
  const present = workers.filter(({ state, numerics }) => state !== 'lost' && numerics);
  const what = 'numerics';
  if (present.some(({ numerics }) => numerics?.digest === recorded.digest))
    return { what, recorded: recorded.digest, here: recorded.digest, same: true };
  const difference = present[0]?.numerics && numericsDifference(recorded, present[0].numerics);
  return {
    what,
    recorded: difference?.one ?? recorded.digest,
    here: difference?.other ?? (present.length === 0 ? 'no workers' : 'unknown'),
    same: false,
  };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
