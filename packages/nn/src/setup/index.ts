/** Setting the tensor engine up and looking at it, free of tensors: what computes runs in child processes. */
export { DEFAULT_ENGINE_FOLDER } from '../engine/tensorflow-package.ts';
export {
  type BackendFinding,
  type EngineReport,
  type ExamineOptions,
  examineEngines,
} from './doctor/examine.ts';
export { type Installation, type InstallOptions, installTensorflow } from './install/install.ts';
