/** gRPC settings that every client and server of the worker shares. */

/** A specification with many peers or a part of a large artifact passes; a mistake does not take all memory. */
const MESSAGE_BYTES = 64 * 1024 * 1024;

export const channelOptions = {
  'grpc.max_receive_message_length': MESSAGE_BYTES,
  'grpc.max_send_message_length': MESSAGE_BYTES,
  // The default waits up to two minutes between attempts; a restarted control plane should see its workers in seconds.
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
} as const;
