export type { Access, ListAudit } from './access.ts';
export { TriptychClient } from './client.ts';
export type { Call, ConnectionOptions } from './connection.ts';
export type { Datasets, FollowDataset } from './datasets.ts';
export type { ModelFile, ModelFileRequest, Models } from './models.ts';
export type { PredictionEvent, Predictions } from './predictions.ts';
export type { EventsOptions } from './run-events.ts';
export type { CreateRunOptions, ListRuns, Runs, StepMetricsOptions } from './runs.ts';
