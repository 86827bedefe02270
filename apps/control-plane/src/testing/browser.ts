/** A real browser for tests of the page: Debian's Chromium, where it is installed. */
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { TestServer } from './server.ts';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';

/** Whether there is one; where not, says what is left out. */
export function browserIsHere(leftOut: string): boolean {
  const isHere = existsSync(executablePath);
  if (!isHere)
    process.stdout.write(`${leftOut}: there is no ${executablePath} (Debian: apt-get install chromium)\n`);
  return isHere;
}

export const startBrowser = (args: readonly string[] = []): Promise<Browser> =>
  chromium.launch({ executablePath, args: ['--no-sandbox', ...args] });

/** @returns the port */
export async function listenForBrowsers({ app }: TestServer): Promise<number> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

/** By a link, as the embedded stack prints it. */
export async function logIn(
  page: Page,
  { server, port }: { server: TestServer; port: number },
): Promise<void> {
  const code = await server.app.inject({ method: 'POST', url: '/v1/login/codes' });
  await page.goto(`http://127.0.0.1:${port}/#login=${code.json().code}`);
  await page.getByRole('button', { name: 'Log out' }).waitFor();
}
