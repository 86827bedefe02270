/**
 * A base model with a PEFT adapter, as a run starts from it. The run goes on with the adapter where it trains all that the
 * adapter holds, in the same rank and scale: what it exports then belongs to the same base. Otherwise the adapter is merged.
 */
import { type AdaptedWeights, type Architecture, sourceOf, type WeightSource } from '@triptych/models';
import type { ResolvedRunSpec } from '@triptych/protocol';
import { partition } from '../catalog/trained-tensors.ts';

export interface AdaptedModel {
  readonly architecture: Architecture;
  readonly config: object;
  readonly adapted?: AdaptedWeights;
}

/** The weights with A and B among them. Undefined where there is nothing to go on with. */
export function continuedWeights(
  model: AdaptedModel,
  spec: Pick<ResolvedRunSpec, 'method' | 'unlock' | 'adapter'>,
): WeightSource | undefined {
  const { adapted } = model;
  if (!adapted || !spec.adapter || !isSameKind(adapted.options, spec.adapter)) return undefined;
  const trained = new Set(
    partition(model, spec).trained.flatMap(({ parts }) => parts.map(({ name }) => name)),
  );
  return adapted.names.every((name) => trained.has(name)) ? sourceOf(adapted.apart) : undefined;
}

/** Dropout is the run's business, and so are layers that have no matrices yet: theirs begin as nothing. */
const isSameKind = (a: AdaptedWeights['options'], b: AdaptedWeights['options']): boolean =>
  a.rank === b.rank && a.alpha === b.alpha && a.rankStabilised === b.rankStabilised;
