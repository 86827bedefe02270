/**
 * The one place where errors become answers: application/problem+json with a code of the error table. What is not one of
 * ours is INTERNAL: its message goes to the log, never to the client.
 */
import { type ErrorCode, type Problem, TriptychError } from '@triptych/protocol';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { isOutage, unavailable } from '../store/outage.ts';
import { PROBLEM_TYPE } from './answer-schema.ts';
import type { App } from './app.ts';
import { drain } from './request-drain.ts';

export function answerWithProblems(app: App): void {
  app.setErrorHandler(async (error, request, reply) => {
    if (asTriptychError(error).code === 'BODY_TOO_LARGE') await drain(request.raw);
    return answerWithProblem(error, request, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0];
    const error = new TriptychError(
      'NOT_FOUND',
      `There is no ${request.method} ${path}; see /docs for what there is`,
    );
    return sendProblem(reply, { error, request });
  });
}

/** Also for errors before routing (`frameworkErrors`), such as a path that cannot be decoded. */
export function answerWithProblem(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const known = withLimit(asTriptychError(error), request.routeOptions?.bodyLimit);
  if (known.kind.httpStatus >= 500)
    request.log.error({ event: 'request-failed', err: error, code: known.code }, 'A request failed');
  return sendProblem(reply, { error: known, request });
}

/** Routes differ in how much they take. */
function withLimit(error: TriptychError, limitBytes: number | undefined): TriptychError {
  if (error.code !== 'BODY_TOO_LARGE' || limitBytes === undefined) return error;
  const limit = `${Math.floor(limitBytes / 2 ** 20)} MiB`;
  return new TriptychError(error.code, `The body is larger than ${limit}; send less`, { cause: error.cause });
}

export function problemOf(error: TriptychError, instance: string): Problem {
  return {
    type: `/docs/errors#${error.code}`,
    title: error.kind.title,
    status: error.kind.httpStatus,
    code: error.code,
    detail: error.message,
    instance,
    ...(error.violations.length > 0 ? { violations: [...error.violations] } : {}),
  };
}

function sendProblem(
  reply: FastifyReply,
  { error, request }: { error: TriptychError; request: FastifyRequest },
): FastifyReply {
  const seconds = error.retryAfterSeconds ?? (error.kind.httpStatus === 503 ? 1 : undefined);
  request.problem = error.code;
  return reply
    .code(error.kind.httpStatus)
    .headers(seconds === undefined ? {} : { 'retry-after': String(seconds) })
    .type(PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(problemOf(error, request.url));
}

export function asTriptychError(error: unknown): TriptychError {
  if (error instanceof TriptychError) return error.code === 'INTERNAL' ? internal(error) : error;
  if (isOutage(error)) return unavailable(error);
  const { code, statusCode = 500, message } = error as FastifyError;
  const translated = fastifyCodes[code];
  if (translated) return new TriptychError(translated.code, translated.message ?? message, { cause: error });
  if (statusCode < 500) return new TriptychError('INVALID_INPUT', message, { cause: error });
  return internal(error);
}

const internal = (cause: unknown): TriptychError =>
  new TriptychError('INTERNAL', 'Something went wrong inside Triptych; its log has the details', { cause });

const malformed = {
  code: 'MALFORMED_BODY',
  message: 'The body is not valid JSON; send one JSON value',
} as const;

const fastifyCodes: Readonly<Record<string, { readonly code: ErrorCode; readonly message?: string }>> = {
  FST_ERR_CTP_INVALID_JSON_BODY: malformed,
  FST_ERR_CTP_EMPTY_JSON_BODY: { ...malformed, message: 'The body is empty; send one JSON value' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    ...malformed,
    message: 'The body is not as long as Content-Length says',
  },
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'BODY_TOO_LARGE' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'The body must be JSON; send Content-Type: application/json',
  },
  FST_ERR_BAD_URL: { code: 'NOT_FOUND' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'NOT_FOUND', message: 'There is nothing with so long a name' },
};
