/** Pages of strangers in the browser of a user whose own page is open: whatever they send, nothing changes and nothing is told. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Dataset } from '@triptych/protocol';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { browserIsHere, listenForBrowsers, logIn, startBrowser } from '../testing/browser.ts';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { addDataset, addRun } from '../testing/store.ts';

/** Names of one machine, as a browser sees them whose resolver the attacker rules. */
const STRANGER = 'stranger.test';

const attackSource = readFileSync(new URL('../testing/attack.js', import.meta.url), 'utf8');

/** What the page could read, once it has tried everything. */
const attackFrom = (page: Page, given: { target: string; run: string }): Promise<string[]> =>
  page.evaluate(`${attackSource}; globalThis.attack(${JSON.stringify(given)})`);

describe.runIf(browserIsHere('No browser attacks the page'))('a page of a stranger', () => {
  let server: TestServer;
  let dataset: Dataset;
  let stranger: Server;
  let browser: Browser;
  let context: BrowserContext;
  let port: number;
  let strangersPort: number;

  beforeAll(async () => {
    server = await startTestServer();
    dataset = await addDataset(server.stores);
    port = await listenForBrowsers(server);
    stranger = createServer((_, reply) =>
      reply.setHeader('content-type', 'text/html').end('<!doctype html><body>Holiday pictures</body>'),
    );
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    strangersPort = (stranger.address() as AddressInfo).port;
    browser = await startBrowser([`--host-resolver-rules=MAP ${STRANGER} 127.0.0.1`]);
    context = await browser.newContext();
    // The user is logged in: what the stranger sends may carry the cookie.
    const mine = await context.newPage();
    await logIn(mine, { server, port });
    await mine.close();
  });
  afterAll(async () => {
    await browser?.close();
    stranger?.close();
    await server?.close();
  });

  test.each([
    ['of another site', () => `http://${STRANGER}:${strangersPort}`],
    ['of another port of this machine', () => `http://127.0.0.1:${strangersPort}`],
  ])('%s changes nothing, reads nothing and does not keep the user waiting', async (_, addressOf) => {
    const { id } = await addRun(server.stores, {
      dataset,
      spec: { name: `mine-${port}-${addressOf().length}` },
    });
    const before = await census();
    const mine = await context.newPage();
    await mine.goto(`http://127.0.0.1:${port}/#${id}`);
    await mine.getByRole('button', { name: 'Cancel' }).waitFor();
    const theirs = await context.newPage();
    await theirs.goto(addressOf());
    const attacking = attackFrom(theirs, { target: `http://127.0.0.1:${port}`, run: id });
    for (let i = 0; i < 5; i += 1) {
      await mine.reload();
      await mine.getByRole('button', { name: 'Cancel' }).waitFor({ timeout: 10_000 });
    }
    expect(await attacking).toEqual([]);
    expect(await census()).toEqual(before);
    expect((await server.stores.runs.get(id)).status).toBe('QUEUED');
    await Promise.all([mine.close(), theirs.close()]);
  });

  test('that makes its name point to this machine is told so, and nothing else', async () => {
    const { id } = await addRun(server.stores, { dataset, spec: { name: 'rebound' } });
    const before = await census();
    const theirs = await context.newPage();
    const target = `http://${STRANGER}:${port}`;
    for (const path of ['/', '/v1/runs', `/v1/runs/${id}`, '/metrics']) {
      const answer = await theirs.goto(`${target}${path}`);
      expect(answer?.status()).toBe(403);
      expect(await answer?.text()).not.toMatch(/rebound|triptych_|<script/);
    }
    // From a document of its own origin, a stranger may send whatever a page of ours may.
    expect(await attackFrom(theirs, { target, run: id })).toEqual([]);
    expect(await census()).toEqual(before);
    expect((await server.stores.runs.get(id)).status).toBe('QUEUED');
    await theirs.close();
  });

  async function census(): Promise<Record<string, unknown>> {
    const { client } = server.stores.database;
    const [runs, datasets, models] = await Promise.all([
      client.run.findMany({ select: { id: true, status: true }, orderBy: { id: 'asc' } }),
      client.dataset.count(),
      client.model.count(),
    ]);
    return { runs, datasets, models, queued: server.queue.enqueued };
  }
});
