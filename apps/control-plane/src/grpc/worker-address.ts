/**
 * Where a worker can be called back: what it announces, completed by what its connection shows. Control plane and workers dial what
 * is announced, so it must be a place where a worker can be.
 */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import {
  canonicalHost,
  formatHostPort,
  type HostPort,
  invalidInput,
  isLoopback,
  parseHostPort,
  show,
  type TriptychError,
} from '@triptych/protocol';

export interface Announcement {
  /** `host:port` of the worker's server; an empty host is replaced by that of `peer`. */
  readonly address: string;
  /** As gRPC reports it: `10.0.0.7:53210`, `[::1]:53210`, `ipv6:...`, IPv4 mapped into IPv6. */
  readonly peer: string;
  /** Of this process: nothing else of this machine is meant by them. */
  readonly ownPorts: ReadonlySet<number>;
  /** Addresses of a name; the system's own look-up where nothing is said. */
  readonly resolve?: (name: string) => Promise<readonly string[]>;
}

/**
 * The address in its one form: IPv6 in brackets, IPv4 never mapped into it.
 * @throws TriptychError `INVALID_INPUT` with the reason
 */
export async function workerAddress(announcement: Announcement): Promise<string> {
  const { address, peer } = announcement;
  const said = parseHostPort(address);
  if (!said) throw refusal('host:port, where the host may be empty and IPv6 is in brackets', address);
  const host = canonicalHost(said.host || hostOf(peer));
  const reason = await objectionTo({ host, port: said.port }, announcement);
  if (reason) throw refusal(reason, formatHostPort(host, said.port));
  return formatHostPort(host, said.port);
}

const systemLookup = async (name: string): Promise<string[]> =>
  (await lookup(name, { all: true })).map(({ address }) => address);

/** What would have been right instead; nothing where the address may be dialled. */
async function objectionTo(
  { host, port }: HostPort,
  { peer, ownPorts, resolve = systemLookup }: Announcement,
): Promise<string | undefined> {
  const addresses = isIP(host) ? [host] : await resolve(host).catch(() => []);
  if (addresses.length === 0) return 'a host that this control plane can look up';
  for (const found of addresses.map(canonicalHost)) {
    if (isLoopback(found)) {
      if (!isOfThisMachine(canonicalHost(hostOf(peer))))
        return 'an address by which other machines reach the worker: it is on another one than the control plane';
    } else if (isNobodys(found))
      return 'the address of one machine, link-local and metadata addresses not among them';
    if (ownPorts.has(port) && isOfThisMachine(found)) return 'another address than the control plane itself';
  }
  return undefined;
}

const refusal = (expected: string, actual: string): TriptychError =>
  invalidInput('registration', [
    {
      ...{ path: '/address', expected, actual: show(actual) },
      remedy: 'set TRIPTYCH_WORKER_ADVERTISE on the worker to an address of its gRPC server',
    },
  ]);

/** Where no worker is, or where it means another machine for each who dials it; clouds answer there with credentials. */
const nobodys = new BlockList();
for (const [net, prefix] of [
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.100.100.200', 32],
  ['192.0.0.192', 32],
  ['224.0.0.0', 3],
] as const)
  nobodys.addSubnet(net, prefix, 'ipv4');
for (const [net, prefix] of [
  ['::', 96],
  ['64:ff9b::7f00:0', 104],
  ['64:ff9b::a9fe:0', 112],
  ['fe80::', 10],
  ['fd00:ec2::254', 128],
  ['ff00::', 8],
] as const)
  nobodys.addSubnet(net, prefix, 'ipv6');

const isNobodys = (address: string): boolean =>
  nobodys.check(withoutZone(address), isIPv6(address) ? 'ipv6' : 'ipv4');

function isOfThisMachine(address: string): boolean {
  if (isLoopback(address)) return true;
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.map((one) => canonicalHost(one.address)),
  );
  return own.map(withoutZone).includes(withoutZone(address));
}

const withoutZone = (address: string): string => address.split('%')[0] ?? address;

function hostOf(peer: string): string {
  const bare = peer.replace(/^ipv[46]:/, '');
  const bracketed = /^\[(?<host>.+)\](?::\d+)?$/.exec(bare)?.groups?.['host'];
  // With one colon it is IPv4 and a port; with several it is IPv6, and grpc-js puts the port behind the last.
  return bracketed ?? bare.replace(/:\d+$/, '');
}
