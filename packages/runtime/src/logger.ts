/** Logs are events with fields: one JSON line each, on stderr, so that stdout stays free for results. */
import { TriptychError } from '@triptych/protocol';
import { type DestinationStream, destination, type Logger, pino, stdSerializers } from 'pino';

export type { Logger } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface LoggerOptions {
  /** Which process speaks: `control-plane`, `worker`. */
  readonly name: string;
  readonly level?: LogLevel;
  /** Where the lines go; stderr by default. */
  readonly stream?: DestinationStream;
}

/** Write `logger.info({ event: 'listening', port }, 'worker listens on 8090')`; an error goes into the field `err`. */
export function createLogger({ name, level = 'info', stream }: LoggerOptions): Logger {
  return pino(
    {
      name,
      level,
      base: { name, pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    // Written at once: the line before a crash is the one that is needed.
    stream ?? destination({ fd: 2, sync: true }),
  );
}

function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const described = stdSerializers.errWithCause(error);
  return error instanceof TriptychError && error.violations.length === 0
    ? { ...described, violations: undefined }
    : described;
}
