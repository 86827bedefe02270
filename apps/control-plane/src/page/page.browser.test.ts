/** The page in a real browser, where Chromium is installed: a long run opens at once, and runs can be ended and repeated from it. */
import type { Dataset } from '@triptych/protocol';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { browserIsHere, listenForBrowsers, logIn, startBrowser } from '../testing/browser.ts';
import { startTestServer, type TestServer } from '../testing/server.ts';
import { addDataset, addRun, placed, putModel } from '../testing/store.ts';

const STEPS = 10_000;

describe.runIf(browserIsHere('The page is not tried in a browser'))('the page in a browser', () => {
  let server: TestServer;
  let dataset: Dataset;
  let browser: Browser;
  let page: Page;
  let port: number;
  let url: string;
  let requests: string[];
  let errors: string[];

  beforeAll(async () => {
    server = await startTestServer();
    dataset = await addDataset(server.stores);
    port = await listenForBrowsers(server);
    url = `http://127.0.0.1:${port}`;
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });
  beforeEach(async () => {
    page = await browser.newPage();
    await logIn(page, { server, port });
    requests = [];
    errors = [];
    page.on('request', (request) => requests.push(new URL(request.url()).pathname));
    page.on('pageerror', (error) => errors.push(error.message));
    // What a security policy refuses is told there.
    page.on('console', (message) => {
      if (/Content.Security.Policy/i.test(message.text())) errors.push(message.text());
    });
    return async () => {
      expect(errors).toEqual([]);
      await page.close();
    };
  });

  /** With a step metric and a progress event for each of its steps. */
  async function longRun(): Promise<string> {
    const { runs, artifacts, database } = server.stores;
    const { id } = await addRun(server.stores, { dataset, spec: { name: 'long' } });
    const token = (await runs.acquire(id))!.fencingToken;
    const move = (event: 'schedule' | 'place' | 'start' | 'finalize') =>
      runs.transition(id, token, { event, reason: 'TRAINING', message: event });
    await move('schedule');
    await runs.startGeneration(id, token, { attempt: 1, generation: 1, assignments: placed() });
    await move('place');
    await move('start');
    const { client } = database;
    await client.$executeRaw`
      INSERT INTO run_events (run_id, sequence, type, status, reason, message, detail)
      SELECT ${id}, event_sequence + step, 'progress', 'RUNNING', 'TRAINING', 'step', '{}'
      FROM runs, generate_series(1, ${STEPS}::int) AS step WHERE id = ${id}`;
    await client.run.update({ where: { id }, data: { eventSequence: { increment: STEPS } } });
    await client.$executeRaw`
      INSERT INTO step_metrics (run_id, step, at, loss, learning_rate, gradient_norm, samples_per_second,
        data_seconds, forward_backward_seconds, all_reduce_seconds, optimizer_seconds)
      SELECT ${id}, step, now(), 1 + 3.0 / step, 0.001, 1, 100, 0, 0.1, 0.01, 0.01
      FROM generate_series(1, ${STEPS}::int) AS step`;
    await move('finalize');
    const { sha256 } = await putModel(artifacts);
    await runs.complete(id, token, { modelArtifact: sha256, weights: { sha256: 'e'.repeat(64), bytes: 1 } });
    return id;
  }

  test('a finished run of 10,000 steps is there within ten requests, with its curve and its story', async () => {
    const id = await longRun();
    await page.goto(url);
    await page.waitForSelector('#runs a.run');
    // The page has chosen the newest run by itself; a new page is told which one.
    await page.goto('about:blank');
    requests.length = 0;
    const began = performance.now();
    await page.goto(`${url}/#${id}`);
    await page.waitForSelector('.chart svg');
    const seconds = (performance.now() - began) / 1000;
    const ofRun = requests.filter((path) => path.startsWith(`/v1/runs/${id}`));
    expect(ofRun.length).toBeLessThanOrEqual(10);
    // A second is what it takes on a machine that does nothing else; CI does.
    expect(seconds).toBeLessThan(15);
    expect(await page.textContent('.chart figcaption')).toContain(`step ${STEPS}`);
    expect(await page.locator('.story li').count()).toBeLessThan(20);
    await page.waitForTimeout(1500);
    expect(requests.filter((path) => path.startsWith(`/v1/runs/${id}`)).length).toBe(ofRun.length);
  });

  test('a run is cancelled, and submitted again, from the page', async () => {
    const { id } = await addRun(server.stores, { dataset, spec: { name: 'mine' } });
    await page.goto(`${url}/#${id}`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Submit again' }).waitFor();
    expect((await server.stores.runs.get(id)).status).toBe('CANCELLED');
    await page.getByRole('button', { name: 'Submit again' }).click();
    await page.waitForURL((to) => to.hash.length > 1 && to.hash !== `#${id}`);
    const copy = await server.stores.runs.get(new URL(page.url()).hash.slice(1));
    const { name, ...spec } = (await server.stores.runs.get(id)).spec;
    expect(copy).toMatchObject({ status: 'QUEUED', spec });
    await page.getByRole('heading', { name: copy.id }).waitFor();
    await server.stores.runs.requestCancel(copy.id);
  });

  test('a run that is over is deleted from the page, by whoever confirms it', async () => {
    const { id } = await addRun(server.stores, { dataset, spec: { name: 'unwanted' } });
    await server.stores.runs.requestCancel(id);
    await page.goto(`${url}/#${id}`);
    const asked: string[] = [];
    let answer: 'accept' | 'dismiss' = 'dismiss';
    page.on('dialog', (dialog) => {
      asked.push(dialog.message());
      void dialog[answer]();
    });
    const erase = page.getByRole('button', { name: 'Delete' });
    await erase.click();
    expect((await server.stores.runs.get(id)).status).toBe('CANCELLED');
    answer = 'accept';
    await erase.click();
    await expect.poll(() => server.stores.runs.get(id).catch(({ code }) => code)).toBe('NOT_FOUND');
    await page.locator(`#runs a[href="#${id}"]`).waitFor({ state: 'detached' });
    expect(asked.length).toBe(2);
    expect(asked[0]).toContain('unwanted');
    await page.getByRole('heading', { name: 'unwanted' }).waitFor({ state: 'detached' });
    expect(new URL(page.url()).hash).not.toBe(`#${id}`);
  });

  test('a link logs in and leaves no trace; who logs out sees a form, which takes a token', async () => {
    expect(page.url()).toBe(`${url}/`);
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByLabel('API token').waitFor();
    expect(await page.locator('#runs-section').isVisible()).toBe(false);
    await page.getByLabel('API token').fill('trip_wrong');
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByText('This API token is not known here').waitFor();
    await page.getByLabel('API token').fill(server.asAdmin.authorization.replace('Bearer ', ''));
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('button', { name: 'Log out' }).waitFor();
    await page.locator('#runs-section').waitFor();
  });

  test('the documentation works under the security policy', async () => {
    await page.goto(`${url}/docs`);
    await page.getByText('/v1/runs/{id}/cancel').waitFor();
    await page.goto(`${url}/docs/errors`);
    const style = "getComputedStyle(document.querySelector('table')).borderCollapse";
    expect(await page.evaluate(style)).toBe('collapse');
  });
});
