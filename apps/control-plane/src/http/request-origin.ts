/**
 * Keeps pages of strangers out. A browser that has a login, or is on this machine, is the way in: a page of anywhere can name
 * this server by an address of its own (DNS rebinding), or have the browser send what it cannot read. So the server
 * answers to its own names only, and to no page that another server sent.
 */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { bareHost, isLoopback, isWildcard, show, TriptychError, type Violation } from '@triptych/protocol';
import type { FastifyRequest } from 'fastify';
import type { App } from './app.ts';

export interface OriginRules {
  /** The address that is listened on. */
  readonly listensOn: string;
  /** Names by which users reach the server, beside that address and those of the machine itself. */
  readonly publicHosts: readonly string[];
}

export function refuseStrangers(app: App, rules: OriginRules): void {
  app.addHook('onRequest', async (request) => {
    const stranger = strangerIn(request, rules);
    if (!stranger) return;
    const { expected, actual, remedy } = stranger;
    throw new TriptychError('FOREIGN_REQUEST', `Expected ${expected}, got ${actual}; ${remedy}`, {
      violations: [stranger],
    });
  });
}

const READS = ['GET', 'HEAD', 'OPTIONS'];

/** What of a request says that it is not of this server; undefined where nothing does. */
export function strangerIn(
  { method, headers }: Pick<FastifyRequest, 'method' | 'headers'>,
  { listensOn, publicHosts }: OriginRules,
): Violation | undefined {
  const { host, origin } = headers;
  // A browser always says it; a health check of HTTP/1.0 need not.
  const name = host === undefined ? 'localhost' : nameIn(`http://${host}`);
  const isPublic = (one: string | undefined) => publicHosts.some((known) => known.toLowerCase() === one);
  if (name === undefined || !(isLoopback(name) || isPublic(name) || isOfMachine(name, listensOn)))
    return {
      path: '/host',
      expected: 'a name of this server',
      actual: show(host),
      remedy: 'open it as localhost or by its address, or add the name to TRIPTYCH_PUBLIC_HOSTS',
    };
  const remedy = 'use the page of this server, or a client that is no browser';
  const isRead = READS.includes(method);
  if (
    !isRead &&
    origin !== undefined &&
    hostIn(origin) !== hostIn(`http://${host}`) &&
    !isPublic(nameIn(origin))
  )
    return { path: '/origin', expected: 'a page of this server', actual: show(origin), remedy };
  const site = headers['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none' || isLink(method, headers))
    return undefined;
  return { path: '/sec-fetch-site', expected: 'a page of this server', actual: show(site), remedy };
}

/** Whoever follows a link sees the page; the one that has the link does not. */
const isLink = (method: string, headers: FastifyRequest['headers']): boolean =>
  method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';

/** Whether an address that is listened on is reached from this machine alone. */
export const isOwnMachine = (address: string): boolean => isLoopback(bracketed(address));

/** Who listens on every address is reached by any of them: an address cannot be given to another machine, as a name can. */
function isOfMachine(name: string, listensOn: string): boolean {
  if (!isWildcard(listensOn)) return name === nameIn(`http://${bracketed(bareHost(listensOn))}`);
  return isIP(name.replace(/^\[|\]$/g, '')) !== 0 || name === hostname().toLowerCase();
}

const bracketed = (address: string): string => (isIP(address) === 6 ? `[${address}]` : address);

const nameIn = (url: string): string | undefined => parsed(url)?.hostname.replace(/\.$/, '');
const hostIn = (url: string): string | undefined => parsed(url)?.host;

/** Of scheme, host and port alone. */
function parsed(url: string): URL | undefined {
  if (!/^https?:\/\/[^/?#\\@\s]+$/.test(url) || !URL.canParse(url)) return undefined;
  return new URL(url);
}
