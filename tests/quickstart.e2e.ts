/** The newcomer's one command, as a process: what it prints, what it writes, what it leaves behind. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const root = resolve(fileURLToPath(import.meta.url), '..', '..');
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'triptych-quickstart-'));
  // As root, PostgreSQL runs as another user: where that one cannot read the home, its data would lie elsewhere and stay.
  await chmod(home, 0o755);
});
afterAll(() => rm(home, { recursive: true, force: true }));

function quickstart(...options: string[]): { child: ChildProcess; output: () => string } {
  const script = join(root, 'apps/cli/dist/main.js');
  const child = spawn(process.execPath, [script, 'quickstart', '--home', home, ...options], { cwd: root });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  return { child, output: () => text };
}

/** Command lines of this machine's processes that name our state folder. */
async function processesOf(folder: string): Promise<string[]> {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    ids.map(async (id) => {
      const [line, environment] = await Promise.all(
        ['cmdline', 'environ'].map((file) => readFile(`/proc/${id}/${file}`, 'utf8').catch(() => '')),
      );
      return line && `${line}${environment}`.includes(folder) && id !== String(process.pid)
        ? `${id} ${line}`
        : '';
    }),
  );
  return lines.filter(Boolean);
}

const nothingLeft = () =>
  expect.poll(() => processesOf(home), { timeout: 20_000, interval: 200 }).toEqual([]);
const linux = existsSync('/proc/self/environ');
if (!linux) process.stdout.write('Left-over processes are not looked for: this system has no /proc\n');

test('it trains on two workers, writes its report, and stops cleanly', async () => {
  const json = join(home, 'report.json');
  const { child, output } = quickstart('--steps', '6', '--workers', '2', '--seed', '5', '--json', json);
  const [code] = await once(child, 'exit');
  expect([code, output()]).toEqual([0, expect.stringContaining('accuracy@1')]);
  const report = JSON.parse(await readFile(json, 'utf8'));
  expect(report).toMatchObject({
    run: { status: 'SUCCEEDED', spec: { seed: 5 }, progress: { step: 6 } },
    workers: 2,
    weights: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    chance: { 'zero-shot': { 'accuracy@1': expect.closeTo(1 / 9, 5) } },
  });
  for (const scores of [report.scores, report.baseline])
    expect(scores).toMatchObject({
      'zero-shot': { 'accuracy@1': expect.any(Number) },
      retrieval: { 'image_retrieval_recall@1': expect.any(Number) },
    });
  expect(Object.keys(report.seconds)).toEqual(['install', 'start', 'train', 'evaluate', 'total']);
  expect(report.samplesPerSecond).toBeGreaterThan(0);
  if (linux) await nothingLeft();
});

test('killed without mercy in the middle, it leaves nothing running, and the next one works', async () => {
  const { child, output } = quickstart('--steps', '5000');
  await expect.poll(output, { timeout: 120_000, interval: 200 }).toContain('step 1/5000');
  child.kill('SIGKILL');
  await once(child, 'exit');
  if (linux) await nothingLeft();
  const again = quickstart('--steps', '2', '--workers', '1');
  const [code] = await once(again.child, 'exit');
  expect([code, again.output()]).toEqual([0, expect.stringContaining('SUCCEEDED')]);
});

test('Ctrl-C while it trains stops everything', async () => {
  const { child, output } = quickstart('--steps', '5000');
  await expect.poll(output, { timeout: 120_000, interval: 200 }).toContain('step 1/5000');
  child.kill('SIGINT');
  const [code] = await once(child, 'exit');
  expect(code).toBe(130);
  if (linux) await nothingLeft();
});
