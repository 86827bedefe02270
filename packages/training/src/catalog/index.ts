export { DEFAULT_ACTIVATION_BUDGET_BYTES, recomputes } from './activation-budget.ts';
export {
  estimateMemory,
  type MemoryDemand,
  type MemoryEstimate,
  WASM_HEAP_LIMIT_BYTES,
} from './estimate-memory.ts';
export { type Recipe, recipeFor } from './recipes.ts';
export { type RunContext, resolveRunSpec } from './resolve-run-spec.ts';
export { stepsPerEpoch, totalSteps } from './steps.ts';
