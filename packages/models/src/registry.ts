/** The architectures that runs can train. A new one is a line here. */
import { TriptychError } from '@triptych/protocol';
import type { Architecture } from './architecture.ts';
import { clip } from './clip/card.ts';
import { flamingo } from './flamingo/card.ts';
import { llava } from './llava/card.ts';

export const architectures: Readonly<Record<string, Architecture>> = Object.fromEntries(
  [clip, flamingo, llava].map((card) => [card.name, card as unknown as Architecture]),
);

/** @throws TriptychError MODEL_INVALID. */
export function architectureNamed(name: string): Architecture {
  const card = Object.hasOwn(architectures, name) && architectures[name];
  if (card) return card;
  const known = Object.keys(architectures).join(', ');
  throw new TriptychError('MODEL_INVALID', `There is no architecture "${name}"; there are ${known}`);
}

/** The architecture whose `config.json` this is. @throws TriptychError MODEL_INVALID. */
export function architectureOf(config: unknown): Architecture {
  const fields = (typeof config === 'object' && config !== null ? config : {}) as Record<string, unknown>;
  const card = Object.values(architectures).find((one) => one.recognises(fields));
  if (card) return card;
  const known = Object.values(architectures).map(({ title }) => title);
  throw new TriptychError(
    'MODEL_INVALID',
    `config.json: expected a model_type of ${known.join(', ')}, got ${JSON.stringify(fields['model_type'] ?? null)}`,
  );
}

export interface PresetEntry {
  readonly architecture: Architecture;
  readonly description: string;
  readonly config: object;
}

/** Of all architectures, by name. */
export const presets: ReadonlyMap<string, PresetEntry> = new Map(
  Object.values(architectures).flatMap((architecture) =>
    Object.entries(architecture.presets).map(
      ([name, preset]) => [name, { architecture, ...preset }] as const,
    ),
  ),
);
