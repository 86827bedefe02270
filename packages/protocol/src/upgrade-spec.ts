/**
 * A stored spec of any release as today's. Whoever makes a field required that was not adds a step here, and to the test the spec
 * as it was until then: the value is the one that such runs have always had, so that they go on with the same bits.
 */
type Fields = Readonly<Record<string, unknown>>;

/** Oldest first. A spec that has the field is of a later release, and stays as it is. */
const steps: readonly ((spec: Fields) => Fields)[] = [
  (spec) => ({ memory: 'keep', ...spec }),
  (spec) => ({ method: 'full', inputs: {}, ...spec }),
];

/** Pure. What is no object, and fields that are wrong, stay so: the schema says it. */
export function upgradeSpec(stored: unknown): unknown {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return stored;
  return steps.reduce<Fields>((spec, step) => step(spec), stored as Fields);
}
