/** Command lines of datasets and models, as those of runs in program.test.ts. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Interrupted } from './context.ts';
import { datasets, run, useFakeService } from './testing/fake-service.ts';

const service = useFakeService();
const { routes } = service;
const triptych: typeof service.triptych = (...line) => service.triptych(...line);

describe('datasets', () => {
  it('draws a sample, and registers a folder by its whole path', async () => {
    const path = join(service.folder, 'scenes');
    const drawn = await triptych(['datasets', 'sample', path, '--images', '20', '--seed', '3']);
    expect(drawn).toMatchObject({
      code: 0,
      out: expect.stringMatching(/scenes: \d+ train, \d+ validation, \d+ test/),
    });
    expect(await readdir(path)).not.toEqual([]);

    let sent = {};
    const unread = {
      id: 'd1',
      name: 'mine',
      state: 'VALIDATING',
      format: 'auto',
      path,
      splits: [],
      problems: [],
    };
    routes['POST /v1/datasets'] = ({ body }) => {
      sent = JSON.parse(body);
      return unread;
    };
    routes['GET /v1/datasets/d1/events'] = datasets(
      { ...unread, progress: { phase: 'check', done: 8, total: 20 } },
      { ...unread, progress: { phase: 'waiting', done: 0, total: 0, message: 'The volume is full' } },
      {
        ...unread,
        ...{ state: 'READY', format: 'scenes', manifest: 'd'.repeat(64) },
        splits: [{ split: 'train', samples: 20, images: 16, captions: 64, classes: 4 }],
        problems: [{ kind: 'unreadable image', count: 2, examples: ['a.png', 'b.png'] }],
      },
    );
    const relativePath = relative(process.cwd(), path);
    const { code, out, err } = await triptych(['datasets', 'register', relativePath, '--name', 'mine']);
    expect(code).toBe(0);
    expect(err).toBe('checking  image 8/20\nwaiting\nThe volume is full\n');
    const later = await triptych(['datasets', 'register', relativePath, '--name', 'mine', '--detach']);
    expect([later.code, later.out]).toEqual([0, expect.stringContaining('triptych datasets watch mine')]);
    expect(sent).toEqual({ name: 'mine', path });
    expect(out).toContain('train       20      16        64        4\n');
    expect(out).toContain('found: 2 x unreadable image, such as a.png, b.png\n');
  });
});

describe('a registration', () => {
  const unread = { id: 'd1', name: 'mine', state: 'VALIDATING', format: 'auto', path: '/data' };
  const failure = { code: 'DATASET_INVALID', message: 'no layout that is known' };

  it('that fails is an error with its reason', async () => {
    routes['GET /v1/datasets/mine/events'] = datasets({ ...unread, state: 'INVALID', failure });
    const { code, err } = await triptych(['datasets', 'watch', 'mine']);
    expect([code, err]).toEqual([1, 'DATASET_INVALID: Dataset mine is INVALID: no layout that is known\n']);
  });

  it('goes on when its watcher leaves', async () => {
    const leaving = new AbortController();
    routes['GET /v1/datasets/mine/events'] = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      leaving.abort(new Interrupted());
    };
    const { code, err } = await triptych(['datasets', 'watch', 'mine'], leaving.signal);
    expect([code, err]).toEqual([101, expect.stringContaining('triptych datasets watch mine')]);
  });

  it('can be cancelled', async () => {
    const cancelled = {
      ...unread,
      state: 'INVALID',
      failure: { code: 'CANCELLED', message: 'was cancelled' },
    };
    routes['POST /v1/datasets/mine/cancel'] = () => cancelled;
    const { code, out } = await triptych(['datasets', 'cancel', 'mine']);
    expect([code, out]).toEqual([0, expect.stringContaining('INVALID: was cancelled')]);
  });
});

describe('models interpolate', () => {
  it('names the trained model by its run', async () => {
    const model = { id: 'm1', name: 'mine', kind: 'trained', parameters: 7, description: '' };
    routes['GET /v1/runs/r1'] = () => ({ ...run('SUCCEEDED'), modelId: 'm1' });
    routes['GET /v1/models/m1'] = () => model;
    let body = '';
    routes['POST /v1/models/interpolations'] = (request) => {
      body = request.body;
      return { ...model, id: 'm2', name: 'x' };
    };
    const command = ['models', 'interpolate', 'base', 'r1', '--alpha', '0.5', '--name', 'x'];
    const { code, out } = await triptych(command);
    expect([code, JSON.parse(body)]).toEqual([0, { base: 'base', trained: 'm1', alpha: 0.5, name: 'x' }]);
    expect(out).toContain('m2');
  });
});

describe('models import', () => {
  it('sends the folder, and the base where it is an adapter', async () => {
    const bodies: unknown[] = [];
    routes['POST /v1/models'] = (request) => {
      bodies.push(JSON.parse(request.body));
      return { id: 'm3', name: 'x', kind: 'imported', parameters: 9, description: '' };
    };
    for (const more of [[], ['--base', 'mine']])
      expect((await triptych(['models', 'import', service.folder, '--name', 'x', ...more])).code).toBe(0);
    expect(bodies).toEqual([
      { name: 'x', path: service.folder },
      { name: 'x', path: service.folder, base: 'mine' },
    ]);
  });
});

describe('models download', () => {
  const content = 'the weights';
  const sha256 = createHash('sha256').update(content).digest('hex');
  const model = (path: string) => ({
    id: 'm1',
    name: 'mine',
    kind: 'trained',
    files: [{ path, sha256, bytes: content.length }],
  });

  it('finds the model by its run and writes whole files only', async () => {
    routes['GET /v1/runs/r1'] = () => ({ ...run('SUCCEEDED'), modelId: 'm1' });
    routes['GET /v1/models/m1'] = () => model('sub/model.safetensors');
    routes['GET /v1/models/m1/files/sub/model.safetensors'] = (_, response) => response.end(content);
    const out = join(service.folder, 'out');
    const told = await triptych(['models', 'download', 'r1', '--out', out, '--json']);
    const files = [{ path: 'sub/model.safetensors', sha256, bytes: content.length }];
    expect([told.code, JSON.parse(told.out)]).toEqual([0, { model: 'm1', folder: out, files }]);
    expect(await readFile(join(out, 'sub/model.safetensors'), 'utf8')).toBe(content);

    routes['GET /v1/models/m1/files/sub/model.safetensors'] = (_, response) => response.end('the wei');
    expect(await triptych(['models', 'download', 'm1', '--out', join(service.folder, 'cut')])).toMatchObject({
      code: 1,
    });
    expect(await readdir(join(service.folder, 'cut', 'sub'))).toEqual([]);
  });

  it('does not write outside the folder', async () => {
    routes['GET /v1/models/m1'] = () => model('../escaped');
    const { code, err } = await triptych(['models', 'download', 'm1', '--out', join(service.folder, 'out')]);
    expect(code).toBe(1);
    expect(err).toContain('ARTIFACT_CORRUPT');
    expect(await readdir(service.folder)).toEqual([]);
  });
});
