/**
 * Widens the HTTP/2 flow-control windows of an incoming bulk connection. Node's default lets 64 KiB be under way, which
 * leaves the link idle for most of a round trip: 64 KiB / 0.5 ms is 128 MB/s at best. grpc-js 1.14 has an option for
 * clients only, so this reaches for the call's HTTP/2 session; where it cannot find that, the default stays.
 */
import type { Http2Session } from 'node:http2';

/** Bytes under way on one link. Safe above the socket buffers, as bulk data goes one way only on each connection. */
export const receiveWindowBytes = 2 * 1024 * 1024;

/** True where the windows were widened. */
export function widenReceiveWindow(call: object): boolean {
  const session = sessionOf(call);
  if (!session || session.destroyed) return false;
  session.setLocalWindowSize(receiveWindowBytes);
  session.settings({ initialWindowSize: receiveWindowBytes });
  return true;
}

/** grpc-js wraps the HTTP/2 stream in a chain of intercepting calls. */
interface Layer {
  readonly call?: Layer;
  readonly nextCall?: Layer;
  readonly stream?: { readonly session?: Http2Session };
}

function sessionOf(call: object): Http2Session | undefined {
  let layer: Layer | undefined = call as Layer;
  while (layer && !layer.stream) layer = layer.call ?? layer.nextCall;
  return layer?.stream?.session;
}
