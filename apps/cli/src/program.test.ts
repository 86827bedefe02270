/** Command lines of runs from the argument list to exit code and text, against a control plane of a few routes on a real socket. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Dataset, examples, Model, RunPlan, type RunStatus } from '@triptych/protocol';
import type { Static, TSchema } from 'typebox';
import { describe, expect, it } from 'vitest';
import { Interrupted } from './context.ts';
import { datasets, event, problem, run, stream, useFakeService } from './testing/fake-service.ts';

const service = useFakeService();
const { routes } = service;
const triptych: typeof service.triptych = (...line) => service.triptych(...line);

const exampleOf = <T extends TSchema>(wanted: T): Static<T> =>
  Object.values(examples.find(({ schema }) => schema === wanted)!.values)[0] as Static<T>;

describe('submit', () => {
  it('sends the file with the options on top', async () => {
    const file = join(service.folder, 'spec.json');
    await writeFile(
      file,
      JSON.stringify({
        model: 'clip-small',
        dataset: 'scenes',
        batch: { shards: 8 },
        duration: { epochs: 3 },
      }),
    );
    let sent = {};
    routes['POST /v1/runs'] = ({ body }) => {
      sent = JSON.parse(body);
      return run('QUEUED');
    };
    const args = [
      'submit',
      file,
      '--batch',
      '64',
      '--steps',
      '10',
      '--workers',
      '2',
      '--learning-rate',
      '5e-4',
      '--memory',
      'checkpoint',
    ];
    expect(await triptych(args)).toMatchObject({
      code: 0,
      out: expect.stringContaining('r1   QUEUED  a message'),
    });
    expect(sent).toEqual({
      model: 'clip-small',
      dataset: 'scenes',
      batch: { global: 64, shards: 8 },
      duration: { steps: 10 },
      workers: { min: 2, max: 2 },
      optimizer: { learningRate: 5e-4 },
      memory: 'checkpoint',
    });
  });

  it('refuses two durations', async () => {
    const { code, err } = await triptych(['submit', '--model', 'a', '--steps', '5', '--epochs', '3']);
    expect(code).not.toBe(0);
    expect(err).toContain("'--steps <number>' cannot be used with option '--epochs <number>'");
  });

  it('follows the run and exits with its end', async () => {
    routes['POST /v1/runs'] = () => run('QUEUED');
    routes['GET /v1/runs/r1'] = () => run('SUCCEEDED');
    const { progress } = run('RUNNING');
    routes['GET /v1/runs/r1/events'] = stream(
      event(1, 'RUNNING'),
      event(2, 'RUNNING', { type: 'progress', data: { ...progress } }),
      event(3, 'SUCCEEDED'),
    );
    const { code, out } = await triptych([
      'submit',
      '--model',
      'clip-tiny',
      '--dataset',
      'scenes',
      '--watch',
    ]);
    expect(code).toBe(0);
    expect(out).toContain('10:20:30  RUNNING');
    expect(out).toMatch(/training .* step 40\/40 {2}loss 0\.2500/);
    expect(out).toMatch(/zero-shot .* 90\.0 % +- +12\.5 %/);
  });

  it('says of a file that it cannot read what is wrong, and what to do', async () => {
    const wrong = join(service.folder, 'wrong.json');
    const image = ['predict', 'm', '--caption', '--image'];
    for (const [args, problem, remedy] of [
      [
        ['submit', join(service.folder, 'absent.json')],
        'absent.json does not exist',
        '--model and --dataset',
      ],
      [['submit', service.folder], 'is a folder', 'examples/'],
      [['submit', wrong], 'it is not JSON', 'examples/'],
      [[...image, join(service.folder, 'absent.png')], 'absent.png does not exist', 'name a picture'],
      [[...image, service.folder], 'is a folder', 'name a picture'],
      [[...image, wrong, '--shots', join(service.folder, 'no.json')], 'no.json does not exist', '--help'],
    ] as const) {
      await writeFile(wrong, '{');
      const { code, out, err } = await triptych(args);
      expect([code, out]).toEqual([1, '']);
      expect(err).toContain(problem);
      expect(err).toContain(remedy);
      expect(err).not.toContain('ENOENT');
    }
    for (const [content, shown] of [
      ['[1]', 'an array'],
      ['"x"', '"x"'],
      ['null', 'null'],
    ] as const) {
      await writeFile(wrong, content);
      const { code, err } = await triptych(['submit', wrong]);
      expect([code, err]).toEqual([
        1,
        expect.stringContaining('expected an object with the fields of a run spec'),
      ]);
      expect(err).toContain(shown === 'an array' ? 'got' : shown);
    }
  });

  it('plans in words, with the time; as JSON with the whole spec', async () => {
    const plan = exampleOf(RunPlan);
    routes['POST /v1/runs/plan'] = () => plan;
    const args = ['submit', '--model', 'clip-small', '--dataset', 'scenes', '--plan'];
    const { code, out } = await triptych(args);
    expect(code).toBe(0);
    expect(out).toMatch(/^time +about 1:14 of training/m);
    expect(out).toMatch(/^memory +498 MiB on each worker, 288 MiB of it tensors$/m);
    expect(out).toMatch(/^workers +1 to 2 of pool default; 2 ready now, on wasm$/m);
    expect(out).not.toContain('{');
    const { etaSeconds: _, ...timeless } = plan;
    routes['POST /v1/runs/plan'] = () => ({ ...timeless, warnings: ['too small'] });
    expect((await triptych(args)).out).toMatch(/^time +not known.*^warning +too small$/ms);
    routes['POST /v1/runs/plan'] = () => plan;
    expect(JSON.parse((await triptych([...args, '--json'])).out)).toEqual(plan);
  });

  it('shows every violation, those of the schema before anything is sent', async () => {
    const early = await triptych(['submit', '--model', 'clip-tiny', '--batch', '1']);
    expect(early.code).toBe(1);
    expect(early.err).toContain('/dataset: expected a value, got nothing');
    expect(early.err).toContain('/batch/global: expected a number >= 2, got 1');

    routes['POST /v1/runs'] = (_, response) =>
      problem(response, 422, 'INVALID_INPUT', [
        { path: '/model', expected: 'a model', actual: '"x"', remedy: 'see GET /v1/models' },
      ]);
    const late = await triptych(['submit', '--model', 'x', '--dataset', 'scenes']);
    expect(late).toMatchObject({ code: 1, out: '' });
    expect(late.err).toContain('/model: expected a model, got "x"; see GET /v1/models');
  });
});

describe('exit codes', () => {
  it.each<[RunStatus, number]>([
    ['SUCCEEDED', 0],
    ['FAILED', 100],
    ['RUNNING', 101],
    ['CANCELLED', 103],
  ])('of a run that is %s', async (status, code) => {
    routes['GET /v1/runs/r1'] = () => run(status);
    expect(await triptych(['get', 'r1', '--exit-status'])).toMatchObject({ code });
    expect(await triptych(['get', 'r1'])).toMatchObject({ code: 0 });
    if (code === 101) return;
    routes['GET /v1/runs/r1/events'] = stream(event(1, status));
    expect(await triptych(['watch', 'r1'])).toMatchObject({ code });
  });

  it('of what is not there, of wrong usage, of help', async () => {
    expect(await triptych(['watch', 'r2'])).toMatchObject({ code: 102 });
    expect(await triptych(['get', 'r2'])).toMatchObject({
      code: 102,
      err: 'NOT_FOUND: the service says NOT_FOUND\n',
    });
    expect(await triptych(['list', '--limit', 'many'])).toMatchObject({ code: 2 });
    expect(await triptych(['list', '--status', 'HAPPY'])).toMatchObject({ code: 2 });
    expect(await triptych(['nonsense'])).toMatchObject({ code: 2 });
    for (const args of [['--help'], ['watch', '--help']])
      expect(await triptych(args)).toMatchObject({ code: 0, out: expect.stringMatching(/exit code/i) });
    const { out } = await triptych(['--help']);
    for (const code of [0, 1, 2, 100, 101, 102, 103, 130])
      expect(out).toMatch(new RegExp(`^ +${code}  \\w`, 'm'));
    expect(await triptych(['--version'])).toEqual({ code: 0, out: '0.1.0\n', err: '' });
  });

  it('of a watch that Ctrl-C detaches from', async () => {
    const interrupt = new AbortController();
    routes['GET /v1/runs/r1/events'] = (request, response) => {
      stream(event(1, 'RUNNING'))(request, response);
      setImmediate(() => interrupt.abort(new Interrupted()));
    };
    const { code, out } = await triptych(['watch', 'r1'], interrupt.signal);
    expect(code).toBe(101);
    expect(out).toMatch(/Detached; run r1 goes on\. Come back with: triptych watch r1\n$/);
  });
});

describe('--json', () => {
  const dataset = exampleOf(Dataset);
  const model = exampleOf(Model);
  const spec = ['--model', 'clip-tiny', '--dataset', 'scenes'];

  it.each<[readonly string[], unknown]>([
    [['submit', ...spec], run('QUEUED')],
    [['submit', ...spec, '--watch'], run('SUCCEEDED')],
    [['watch', 'r1'], run('SUCCEEDED')],
    [['get', 'r1'], run('SUCCEEDED')],
    [['cancel', 'r1'], run('CANCELLED')],
    [['accept-numerics', 'r1'], run('QUEUED')],
    [['datasets', 'register', '/data', '--name', 'scenes'], dataset],
    [['datasets', 'register', '/data', '--name', 'scenes', '--detach'], dataset],
    [['datasets', 'watch', dataset.id], dataset],
    [['datasets', 'cancel', dataset.id], dataset],
    [['models', 'import', '/data', '--name', 'm'], model],
    [['models', 'interpolate', 'base', model.id, '--alpha', '0.5', '--name', 'm'], model],
  ])('of %j is one document', async (args, expected) => {
    routes['POST /v1/runs'] = () => run('QUEUED');
    routes['POST /v1/runs/r1/cancel'] = () => run('CANCELLED');
    routes['POST /v1/runs/r1/accept-numerics'] = () => run('QUEUED');
    routes['GET /v1/runs/r1'] = () => run('SUCCEEDED');
    routes['GET /v1/runs/r1/events'] = stream(event(1, 'RUNNING'), event(2, 'SUCCEEDED'));
    routes['POST /v1/datasets'] = () => dataset;
    routes[`GET /v1/datasets/${dataset.id}/events`] = datasets(dataset);
    routes[`POST /v1/datasets/${dataset.id}/cancel`] = () => dataset;
    routes['POST /v1/models'] = () => model;
    routes['POST /v1/models/interpolations'] = () => model;
    routes[`GET /v1/models/${model.id}`] = () => model;
    const { code, out, err } = await triptych([...args, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(expected);
    const followsRun = args.includes('--watch') || (args[0] === 'watch' && args.length > 1);
    expect(err.includes('RUNNING')).toBe(followsRun);
  });
});

describe('compare', () => {
  it('shows scores and differing specs beside each other', async () => {
    routes['GET /v1/runs/compare?runs=first%2Csecond'] = () => ({
      runs: [{ id: 'r1', name: 'first' }, { id: 'r2' }],
      data: { manifest: 'd'.repeat(64), split: 'test', limit: 100 },
      scores: [
        { task: 'zero-shot', metric: 'accuracy@1', unit: 'ratio', chance: 0.1, values: [0.9, null] },
        { task: 'captioning', metric: 'cider_d', unit: 'number', values: [1.12, 0.5] },
      ],
      differences: [{ path: '/seed', values: [0, 7] }],
    });
    const { code, out } = await triptych(['compare', 'first', 'second']);
    expect(code).toBe(0);
    expect(out).toMatch(/split test of the dataset d{64}, its first 100 samples\n/);
    expect(out).toMatch(/zero-shot +accuracy@1 +90\.0 % +- +10\.0 %\n/);
    expect(out).toMatch(/captioning +cider_d +1\.120 +0\.500 +-\n/);
    expect(out).toMatch(/\/seed +0 +7\n/);
  });
});

describe('lists', () => {
  it('stop at the limit and pass the filters on', async () => {
    routes['GET /v1/runs?status=FAILED&limit=3'] = () => ({
      items: [run('FAILED'), run('FAILED')],
      nextCursor: 'c',
    });
    routes['GET /v1/runs?status=FAILED&limit=3&cursor=c'] = () => ({
      items: [run('FAILED'), run('FAILED')],
      nextCursor: 'd',
    });
    const { code, out } = await triptych(['list', '--status', 'FAILED', '--limit', '3', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual([run('FAILED'), run('FAILED'), run('FAILED')]);
  });
});
