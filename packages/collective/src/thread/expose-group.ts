/** The main thread's side: carries out what the compute thread asks of the group. */
import type { MessagePort } from 'node:worker_threads';
import type { ProcessGroup } from '../process-group.ts';
import { type Call, fromPlain, type Reply, type Request, toPlain } from './messages.ts';

/** The group is used through the port alone from now on. A port that closes before the group does aborts it. */
export function exposeGroup(group: ProcessGroup, port: MessagePort): void {
  port.on('message', (request: Request) => {
    if ('abort' in request) group.abort(fromPlain(request.abort));
    else void answer(group, { port, request });
  });
  port.on('close', () => group.abort(new Error('the compute thread is gone')));
}

async function answer(
  group: ProcessGroup,
  { port, request }: { port: MessagePort; request: { id: number; call: Call } },
): Promise<void> {
  const { id, call } = request;
  let outcome: Pick<Reply, 'value' | 'error'>;
  try {
    outcome = { value: await perform(group, call) };
  } catch (error) {
    outcome = { error: toPlain(error) };
  }
  const { bytesSent, bytesReceived } = group.traffic;
  const reply: Reply = { id, ...outcome, traffic: { bytesSent, bytesReceived } };
  port.postMessage(reply, buffersOf(outcome.value));
}

function perform(group: ProcessGroup, call: Call): Promise<unknown> {
  switch (call.kind) {
    case 'allReduceShards':
      return group.allReduceShards(call.sums, call.out);
    case 'allGather':
      return allGatherOthers(group, call.bytes);
    case 'broadcast':
      return broadcastToOthers(group, call);
    case 'barrier':
      return group.barrier();
    case 'close':
      return group.close();
  }
}

/** The compute thread has its own bytes already; an empty entry takes their place on the way back. */
async function allGatherOthers(group: ProcessGroup, bytes: Uint8Array): Promise<Uint8Array[]> {
  const gathered = await group.allGather(bytes);
  return gathered.map((each, rank) => (rank === group.rank ? new Uint8Array(0) : each));
}

async function broadcastToOthers(
  group: ProcessGroup,
  call: { bytes: Uint8Array | undefined; root: number },
): Promise<Uint8Array | undefined> {
  const received = await group.broadcast(call.bytes, call.root);
  return group.rank === call.root ? undefined : received;
}

/** What was received belongs to the caller alone, so its memory moves to the other thread instead of being copied. */
function buffersOf(value: unknown): ArrayBuffer[] {
  const arrays: unknown[] = Array.isArray(value) ? value : [value];
  return arrays.flatMap((array) =>
    array instanceof Uint8Array && array.buffer instanceof ArrayBuffer ? [array.buffer] : [],
  );
}
