/** What is no HTTP, or never ends: answered on the bare socket, as there is no request yet, with a problem like any other. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { TriptychError } from '@triptych/protocol';
import { PROBLEM_TYPE } from './answer-schema.ts';
import { problemOf } from './problem-reply.ts';

export interface Patience {
  /** For all headers, from the first byte of the connection or the request. */
  readonly headersMs: number;
  /** For the whole request, body included. */
  readonly requestMs: number;
  /** How often both are looked at. */
  readonly checkMs: number;
  /** For the next request on a connection. */
  readonly idleMs: number;
}

export const defaultPatience: Patience = {
  headersMs: 20_000,
  // 48 MiB of pictures at 3 Mbit/s.
  requestMs: 150_000,
  checkMs: 5_000,
  // Longer than any balancer keeps a connection (Google's: 600 s): it must not send into one that is being closed.
  idleMs: 620_000,
};

export function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const known = knownOf(error);
  const { httpStatus } = known.kind;
  const body = JSON.stringify(problemOf(known, ''));
  socket.end(
    [
      `HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus]}`,
      `Content-Type: ${PROBLEM_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

function knownOf({ code }: NodeJS.ErrnoException): TriptychError {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new TriptychError('REQUEST_TIMEOUT', 'The request did not come in time; send it again, faster');
  if (code === 'HPE_HEADER_OVERFLOW')
    return new TriptychError(
      'HEADERS_TOO_LARGE',
      'The headers are larger than 16 KiB; send fewer or shorter ones',
    );
  return new TriptychError('MALFORMED_REQUEST', 'This is not HTTP/1.1; send http:// requests, without TLS');
}
