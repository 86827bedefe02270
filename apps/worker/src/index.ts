/** The worker without its tensor engine, for tests of whoever calls workers: all that decides is the real thing. */
export type { Compute, PredictOptions, RunOptions } from './compute/compute.ts';
export type { Job, PredictionJob } from './compute/messages.ts';
export { Registration } from './registration.ts';
export { Trainer } from './trainer.ts';
export { trainerChecks, trainerService } from './trainer-service.ts';
