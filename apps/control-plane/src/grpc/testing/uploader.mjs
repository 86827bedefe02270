/**
 * Uploads an artifact as a worker does, until somebody kills it: `node uploader.mjs PORT CHUNKS SENT`. It is ready when it has
 * written a line to standard output, and begins with the secret of a lease that comes in as a line. Sends SENT of CHUNKS chunks, and the
 * end after the last; writes another line when they are with the operating system, and lives on. A process of its own (and plain
 * JavaScript), because only a process can be killed.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { credentials } from '@grpc/grpc-js';
import { control, presenting, secretKeys } from '@triptych/protocol';

const [port, chunks, sent] = process.argv.slice(2);
const CHUNK_BYTES = 128 * 1024;
const parts = Array.from({ length: Number(chunks) }, (_, index) => Buffer.alloc(CHUNK_BYTES, index));
const hash = createHash('sha256');
for (const part of parts) hash.update(part);
const promised = { sha256: hash.digest('hex'), bytes: parts.length * CHUNK_BYTES };

process.stdout.write('ready\n');
const lease = String((await once(process.stdin, 'data'))[0]).trim();
const client = new control.ControlClient(`127.0.0.1:${port}`, credentials.createInsecure(), {
  interceptors: [presenting(secretKeys.lease, () => lease)],
});
const call = client.publishArtifact((error) => {
  if (!error) return;
  process.stderr.write(`${error.message}
`);
  process.exit(1);
});
const send = (message) => new Promise((resolve) => call.write(message, resolve));
await send({ ...promised, content: Buffer.of() });
for (const content of parts.slice(0, Number(sent))) await send({ sha256: '', bytes: 0, content });
if (sent === chunks) call.end();
process.stdout.write('sent\n');
setInterval(() => undefined, 1000);
