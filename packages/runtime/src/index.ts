export {
  type CertificateEnd,
  type CertificateWatchOptions,
  certificateEnds,
  watchCertificates,
} from './certificate-watch.ts';
export { readEnvironment, Secret, variablesOf } from './environment.ts';
export { type EventLoopLag, type EventLoopMonitor, eventLoopLag } from './event-loop-lag.ts';
export { FleetSettings, readJoinTokens } from './fleet-settings.ts';
export { createLogger, type Logger, type LoggerOptions, type LogLevel } from './logger.ts';
export { createMetrics, METRIC_PREFIX } from './metrics.ts';
export { type Close, Shutdown, type ShutdownOptions } from './shutdown.ts';
export { readTls, type TlsOptions } from './tls-files.ts';
