export { artifactFiles } from '../loading/artifact-files.ts';
export { objectives } from '../objectives/registry.ts';
export { isWeightPath, type WeightsRecord, weightsRecord } from '../publishing/weights-record.ts';
export { DEFAULT_ACTIVATION_BUDGET_BYTES, type ModelToFit, recomputes } from './activation-budget.ts';
export {
  estimateMemory,
  type MemoryDemand,
  type MemoryEstimate,
  WASM_HEAP_LIMIT_BYTES,
} from './estimate-memory.ts';
export { predictionsOf, predictionViolations } from './predictions.ts';
export { defaultsOf, type RunContext, resolveRunSpec } from './resolve-run-spec.ts';
export { configForRun, type RunToConfigure } from './run-config.ts';
export { stepsPerEpoch, totalSteps } from './steps.ts';
export { tasks } from './tasks/registry.ts';
export type { Task, TaskContext, TaskResult } from './tasks/task.ts';
export { partition, trainedGroups } from './trained-tensors.ts';
export { bestMetric } from './validation.ts';
