/** Hosts and ports as people write them: names, IPv4, IPv6 with brackets or without. Nothing is looked up here. */
import { isIP, isIPv4, isIPv6 } from 'node:net';

export interface HostPort {
  /** Without brackets; may be empty. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`, where an IPv6 host is in brackets and the host may be empty; undefined for anything else. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[(?<v6>[^\]\s]+)\]|(?<name>[^\s:[\]/@]*)):(?<port>\d{1,5})$/.exec(text);
  const { v6, name = '', port: digits } = match?.groups ?? {};
  const port = Number(digits);
  if (!match || port < 1 || port > 65_535 || (v6 !== undefined && !isIPv6(v6))) return undefined;
  return { host: v6 ?? name, port };
}

export const formatHostPort = (host: string, port: number | string): string =>
  `${isIPv6(bareHost(host)) ? `[${bareHost(host)}]` : host}:${port}`;

/** As a JSON schema's pattern: what {@link announcedAddress} takes, a host or host:port. */
export const announcedPattern =
  '^(\\[[0-9a-fA-F:.]+\\]|[^\\s:\\[\\]/@]+)(:[0-9]{1,5})?$|^[0-9a-fA-F.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$';

/** host:port of a process that announces a host, and listens on `port` unless it says that others reach it at another one. */
export const announcedAddress = (announced: string, port: number): string =>
  parseHostPort(announced) ? announced : formatHostPort(announced, port);

/** Brackets are how an IPv6 address is written beside a port; the address itself has none. */
export const bareHost = (host: string): string => /^\[(.*)\]$/.exec(host)?.[1] ?? host;

/** The one way to write an IP address; IPv4 that is mapped into IPv6 is IPv4. Names are only made lower case. */
export function canonicalHost(host: string): string {
  const bare = bareHost(host).toLowerCase();
  if (!isIPv6(bare)) return bare.replace(/\.$/, '');
  const [address = '', zone] = bare.split('%');
  const short = bareHost(new URL(`http://[${address}]`).hostname);
  const mapped = /^::ffff:(?<high>[0-9a-f]{1,4}):(?<low>[0-9a-f]{1,4})$/.exec(short)?.groups;
  if (!mapped) return zone === undefined ? short : `${short}%${zone}`;
  const halves = [mapped['high'], mapped['low']].map((half) => Number.parseInt(half ?? '', 16));
  return halves.flatMap((half) => [half >> 8, half & 255]).join('.');
}

/** This machine and no other; names by what they mean everywhere, without looking them up. */
export function isLoopback(host: string): boolean {
  const canonical = canonicalHost(host);
  if (isIPv4(canonical)) return canonical.startsWith('127.');
  if (isIP(canonical)) return canonical === '::1';
  return canonical === 'localhost' || canonical.endsWith('.localhost');
}

/** Every address of this machine. */
export const isWildcard = (host: string): boolean => ['0.0.0.0', '::'].includes(canonicalHost(host));
