export { readEnvironment } from './environment.ts';
export { type EventLoopLag, type EventLoopMonitor, eventLoopLag } from './event-loop-lag.ts';
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export { createMetrics, METRIC_PREFIX } from './metrics.ts';
export * from './secret.ts';
export { type Close, Shutdown, type ShutdownOptions } from './shutdown.ts';
