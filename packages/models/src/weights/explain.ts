/**
 * Which fields of a configuration are wrong about some weights: those whose change to a number seen in the weights makes most
 * differences disappear, one after the other. It knows no architecture: it asks what parameters a changed configuration has.
 */
import type { Difference } from './fit.ts';

export interface ConfigChange {
  /** JSON pointer into the configuration. */
  readonly path: string;
  readonly configured: number;
  readonly actual: number;
}

const MAX_CHANGES = 12;
/** No layer count; keeps a trial from listing millions of parameters. */
const MAX_LAYERS = 1000;

/** The changes, largest effect first, and what they do not explain. */
export function explain(
  config: object,
  differenceFor: (config: object) => Difference,
): { readonly changes: readonly ConfigChange[]; readonly left: Difference } {
  const changes: ConfigChange[] = [];
  let current = config;
  let left = differenceFor(config);
  while (weigh(left) > 0 && changes.length < MAX_CHANGES) {
    const best = bestChange(current, { left, differenceFor });
    if (!best) break;
    changes.push(best.change);
    ({ config: current, left } = best);
  }
  return { changes, left };
}

interface Trial {
  readonly change: ConfigChange;
  readonly config: object;
  readonly left: Difference;
}

function bestChange(
  config: object,
  {
    left,
    differenceFor,
  }: { readonly left: Difference; readonly differenceFor: (config: object) => Difference },
): Trial | undefined {
  let best: Trial | undefined;
  // One tensor alone says nothing of a field that shapes many, and is better told by its name.
  let least = weigh(left) - 1;
  for (const { path, value: configured } of numbersIn(config))
    for (const actual of isLayerCount(path) ? layerCounts(left) : extents(left)) {
      if (actual === configured) continue;
      const changed = replaced(config, path, actual);
      const trial = differenceFor(changed);
      if (weigh(trial) >= least) continue;
      if (isLayerCount(path) && lacksLayer(trial, actual - 1)) continue;
      least = weigh(trial);
      best = { change: { path, configured, actual }, config: changed, left: trial };
    }
  return best;
}

/** Wrong extents; a tensor too many or too few counts for more than any of its extents would. */
function weigh({ missing, misshapen, unexpected }: Difference): number {
  const wrong = misshapen.map(({ shape, actual }) =>
    shape.length === actual.length ? shape.filter((extent, axis) => extent !== actual[axis]).length : 4,
  );
  return 4 * (missing.length + unexpected.length) + wrong.reduce((sum, axes) => sum + axes, 0);
}

const isLayerCount = (path: string) => /layers$|depth$/.test(path);

/** Extents of wrongly shaped tensors. */
const extents = ({ misshapen }: Difference): Set<number> =>
  new Set(
    misshapen.flatMap(({ shape, actual }) =>
      actual.filter((extent, axis) => extent !== shape[axis] && extent > 0),
    ),
  );

/** How many numbered blocks the weights may have: the numbers in names where one is missing or too many. */
function layerCounts({ missing, unexpected }: Difference): Set<number> {
  const numbers = (tensors: readonly { readonly name: string }[]) =>
    tensors.flatMap(({ name }) => [...name.matchAll(/\.(\d+)\./g)].map(([, digits]) => Number(digits)));
  const counts = [...numbers(missing), ...numbers(unexpected).map((n) => n + 1)];
  return new Set(counts.filter((count) => count > 0 && count <= MAX_LAYERS));
}

/** Whether a layer of this number is missing still: then nothing speaks for a model of just so many. */
const lacksLayer = ({ missing }: Difference, layer: number): boolean =>
  missing.some(({ name }) => name.includes(`.${layer}.`));

function* numbersIn(value: object, path = ''): Generator<{ readonly path: string; readonly value: number }> {
  for (const [key, one] of Object.entries(value)) {
    const at = `${path}/${key}`;
    if (Number.isInteger(one) && one > 0) yield { path: at, value: one };
    else if (typeof one === 'object' && one !== null && !Array.isArray(one)) yield* numbersIn(one, at);
  }
}

function replaced(config: object, path: string, value: number): object {
  const [, key, ...rest] = path.split('/');
  const inner = (config as Record<string, unknown>)[key!];
  return {
    ...config,
    [key!]: rest.length === 0 ? value : replaced(inner as object, `/${rest.join('/')}`, value),
  };
}
