/** Models whose towers come from other models: configuration and weights of the whole. Tensor-free. */
import { show, type Violation } from '@triptych/protocol';
import type { Architecture } from './architecture.ts';
import type { FolderFiles } from './model.ts';
import type { WeightSource } from './weights/weight-source.ts';

/** A model that a tower is taken from. */
export interface TowerOrigin {
  readonly architecture: Architecture;
  readonly config: object;
}

export interface TowerWeights extends TowerOrigin {
  readonly files: FolderFiles;
  readonly weights: WeightSource;
}

/** Of towers that the architecture does not have or cannot take from there; `architectures` by tower. */
export function towerViolations(
  { towers = {}, title }: Architecture,
  architectures: Readonly<Record<string, string | undefined>>,
): Violation[] {
  const known = Object.keys(towers);
  return Object.entries(architectures).flatMap(([name, from]): Violation[] => {
    const tower = Object.hasOwn(towers, name) ? towers[name] : undefined;
    const path = `/towers/${name}`;
    if (!tower) {
      const expected = known.length > 0 ? `a tower of ${title}: ${known.join(', ')}` : `nothing for ${title}`;
      return [{ path, expected, actual: show(name), remedy: 'leave it out' }];
    }
    if (from === undefined || tower.from.includes(from)) return [];
    const expected = `a model of ${tower.from.join(' or ')}`;
    return [{ path, expected, actual: show(from), remedy: 'choose another model' }];
  });
}

/** Towers win over `config`; sizes that depend on them follow. @throws TriptychError MODEL_INVALID where the parts do not fit. */
export function composedConfig<C extends object>(
  { towers = {}, parseConfig }: Architecture<C>,
  config: C,
  origins: Readonly<Record<string, TowerOrigin>>,
): C {
  return Object.entries(origins).reduce(
    (whole, [name, origin]) => parseConfig(towers[name]!.config(whole, origin.config)),
    config,
  );
}

/** The tensors of each tower from its model, everything else from `rest`. */
export function composedWeights(
  { towers = {} }: Architecture,
  origins: Readonly<Record<string, TowerWeights>>,
  rest: WeightSource,
): WeightSource {
  const find = (name: string): { source: WeightSource; name: string } => {
    for (const [tower, { weights }] of Object.entries(origins)) {
      const there = towers[tower]!.nameOf(name);
      if (there !== undefined) return { source: weights, name: there };
    }
    return { source: rest, name };
  };
  return {
    has(name) {
      const { source, name: there } = find(name);
      return source.has(there);
    },
    async read(name) {
      const { source, name: there } = find(name);
      return await source.read(there);
    },
  };
}

/** Files that go with a tower (how pictures are prepared) are its model's, and never the base's. */
export function composedFiles(
  { towers = {} }: Architecture,
  origins: Readonly<Record<string, TowerWeights>>,
  rest: FolderFiles,
): FolderFiles {
  let files = rest;
  for (const [tower, origin] of Object.entries(origins)) {
    const own = new Set(towers[tower]!.files);
    const others = Object.entries(files).filter(([path]) => !own.has(path));
    const taken = Object.entries(origin.files).filter(([path]) => own.has(path));
    files = Object.fromEntries([...others, ...taken]);
  }
  return files;
}
