export { type Recipe, recipeFor } from './recipes.ts';
export { type RunContext, resolveRunSpec } from './resolve-run-spec.ts';
export { stepsPerEpoch, totalSteps } from './steps.ts';
