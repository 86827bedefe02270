/** What a user of another program does: makes types from /docs/json and compiles against them, right and wrong. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import openapiTypescript, { astToString } from 'openapi-typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../apps/control-plane/src/testing/server.ts';

const run = promisify(execFile);
const require = createRequire(import.meta.url);
// The TypeScript of the generator, not ours: what users have.
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');

let server: TestServer;
let folder: string;
beforeAll(async () => {
  server = await startTestServer();
  folder = await mkdtemp(join(tmpdir(), 'triptych-api-client-'));
  const document = (await server.app.inject('/docs/json')).json();
  await writeFile(join(folder, 'api.d.ts'), astToString(await openapiTypescript(document)));
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

/** Lines that the compiler complains of. */
async function complaints(file: string, source: string): Promise<number[]> {
  await writeFile(join(folder, file), source);
  const options = [
    '--noEmit',
    '--strict',
    '--exactOptionalPropertyTypes',
    '--target',
    'es2022',
    '--pretty',
    'false',
  ];
  const args = [tsc, ...options, '--module', 'nodenext', '--typeRoots', folder, join(folder, file)];
  const { stdout } = await run(process.execPath, args, { cwd: folder }).catch(
    (error: { stdout: string }) => error,
  );
  const lines = [...stdout.matchAll(/^(?:(\S+)\((\d+),\d+\): )?error TS/gm)];
  expect(
    lines.map(([, path]) => path).filter((path) => !path?.endsWith(file)),
    stdout,
  ).toEqual([]);
  return [...new Set(lines.map(([, , line]) => Number(line)))];
}

const right = `
import type { components, operations } from './api.js';
type Schemas = components['schemas'];
type Body<K extends 'createRun' | 'createPrediction' | 'importModel'> =
  operations[K]['requestBody']['content']['application/json'];

export const spec: Body<'createRun'> = { model: 'clip-tiny', dataset: 'scenes', duration: { steps: 20 } };
export const question: Body<'createPrediction'> = { kind: 'answer', model: 'm', images: ['aGk='], question: 'What?' };
export const adapter: Body<'importModel'> = { name: 'x', path: '/x', base: 'y' };
export const lossOf = (run: Schemas['Run']): number | undefined => run.progress.loss;
export const isOver = ({ status }: Schemas['Run']): boolean => status === 'SUCCEEDED' || status === 'FAILED';
export const page = (answer: operations['listRuns']['responses'][200]['content']['application/json']): string[] =>
  answer.items.map((run) => run.spec.model);
export const wrong = (problem: operations['createRun']['responses'][422]['content']['application/problem+json']) =>
  problem.violations?.map(({ path, remedy }) => path + remedy);
export const stream: keyof operations['listRunEvents']['responses'][200]['content'] = 'text/event-stream';
export const file: operations['readModelFile']['parameters']['path'] = { id: 'm', path: 'a/b.json' };
export const query: operations['listRuns']['parameters']['query'] = { limit: 5, status: 'RUNNING' };
`;

test('a use of every kind of operation compiles', async () => {
  expect(await complaints('right.ts', right)).toEqual([]);
});

test('mistakes do not: the types know fields, values and media types', async () => {
  const source = right
    .replace("model: 'clip-tiny', ", '')
    .replace("kind: 'answer'", "kind: 'guess'")
    .replace("'SUCCEEDED'", "'DONE'")
    .replace("= 'text/event-stream'", "= 'text/html'")
    .replace("status: 'RUNNING'", "status: 'HAPPY'");
  const changed = source.split('\n').flatMap((line, i) => (line === right.split('\n')[i] ? [] : [i + 1]));
  expect(changed.length).toBe(5);
  expect(await complaints('wrong.ts', source)).toEqual(changed);
});
