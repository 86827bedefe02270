/** Where a worker can be called back: what it says, completed by what its connection shows. */
import { invalidInput, show } from '@triptych/protocol';

/**
 * `address` is `host:port` of the worker's server; an empty host is replaced by that of `peer`, as gRPC reports it
 * (`10.0.0.7:53210`, `[::1]:53210`, `ipv6:...`, IPv4 mapped into IPv6).
 * @throws TriptychError `INVALID_INPUT`
 */
export function workerAddress(address: string, peer: string): string {
  const match = /^(?<host>\[[0-9a-fA-F:.%]+\]|[^\s:[\]]*):(?<port>\d{1,5})$/.exec(address);
  const port = Number(match?.groups?.['port']);
  if (!match || port < 1 || port > 65_535) {
    throw invalidInput('registration', [
      {
        path: '/address',
        expected: 'host:port, where the host may be empty',
        actual: show(address),
        remedy: 'give the address of the worker’s own gRPC server',
      },
    ]);
  }
  return `${match.groups?.['host'] || hostOf(peer)}:${port}`;
}

function hostOf(peer: string): string {
  const bare = peer.replace(/^ipv[46]:/, '');
  const bracketed = /^\[(?<host>.+)\](?::\d+)?$/.exec(bare)?.groups?.['host'];
  // With one colon it is IPv4 and a port; with several it is IPv6, and grpc-js puts the port behind the last.
  const host = bracketed ?? bare.replace(/:\d+$/, '');
  const mapped = /^::ffff:(?<v4>\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.groups?.['v4'];
  if (mapped) return mapped;
  return host.includes(':') ? `[${host}]` : host;
}
