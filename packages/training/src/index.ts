/** Learning: the loop, objectives, recipes, evaluation, checkpoints. */
export * from './catalog/index.ts';
export type { TrainerEvent } from './events.ts';
export { openModel, type StartingPoint } from './loading/starting-point.ts';
export { measureNumerics } from './numerics/numerics.ts';
export { type ModelToOpen, OpenedModel } from './prediction/opened-model.ts';
export type { PictureFile } from './prediction/pictures.ts';
export { type PredictionOutput, type PredictOptions, predict } from './prediction/predict.ts';
export type { TrainOptions } from './run/train-options.ts';
export { train } from './train.ts';
