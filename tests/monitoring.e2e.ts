/**
 * What operators see: a real Prometheus scrapes a service on which a run succeeds although a worker is killed, and another run
 * fails. Every panel then has data, every rule evaluates, and those alerts fire that should.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { isInstalled, type Prometheus, startPrometheus } from './fixtures/prometheus.ts';
import { type Service, startService } from './fixtures/service.ts';
import { tinySpec } from './fixtures/specs.ts';

const deploy = fileURLToPath(new URL('../deploy/', import.meta.url));
const alertsFile = `${deploy}prometheus/alerts.yml`;
const testsFile = `${deploy}prometheus/alerts.test.yml`;
const yaml = (file: string) => parse(readFileSync(file, 'utf8'));
const alerts = (yaml(alertsFile).groups as { rules: { alert: string }[] }[]).flatMap(({ rules }) =>
  rules.map(({ alert }) => alert),
);
const dashboard = JSON.parse(readFileSync(`${deploy}grafana/dashboards/fleet-and-run.json`, 'utf8'));
const panels = (dashboard.panels as { title: string; targets?: { expr: string }[] }[]).flatMap(
  ({ title, targets = [] }) => targets.map(({ expr }): [string, string] => [title, expr]),
);

const isThere = isInstalled('prometheus') && isInstalled('promtool');
if (!isThere)
  process.stdout.write(
    'Panels and alerts are not tried: prometheus is not installed (Debian: apt-get install prometheus)\n',
  );

test('each alert has a case in which it fires, and is silent in a healthy service', () => {
  interface Case {
    readonly alertname: string;
    readonly exp_alerts?: readonly unknown[];
  }
  const cases = (yaml(testsFile).tests as { alert_rule_test: Case[] }[]).map((one) => one.alert_rule_test);
  const named = (some: readonly Case[]) => new Set(some.map(({ alertname }) => alertname));
  expect(named(cases[0]!)).toEqual(new Set(alerts));
  expect(cases[0]!.filter((one) => one.exp_alerts?.length)).toEqual([]);
  expect(named(cases.flat().filter((one) => one.exp_alerts?.length))).toEqual(new Set(alerts));
});

test.runIf(isThere)('promtool finds that they do', () => {
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', testsFile], {
    encoding: 'utf8',
  });
  expect({ status, output: `${stdout}${stderr}` }).toEqual({
    status: 0,
    output: expect.stringContaining('SUCCESS'),
  });
});

describe.runIf(isThere)('a real Prometheus', () => {
  let service: Service;
  let prometheus: Prometheus;
  let succeeded: string;

  beforeAll(async () => {
    service = await startService({ workers: 2, backend: 'wasm' });
    prometheus = await startPrometheus({ url: service.stack.url, rules: alertsFile });
    const spec = tinySpec({ steps: 60, workers: 2, checkpointEvery: 10, evaluate: true });
    const { id } = await service.client.runs.create({
      ...spec,
      name: 'watched',
      workers: { min: 1, max: 2 },
    });
    await service.reached(id, 15);
    await service.stack.killWorker(1, 'SIGKILL');
    await service.stack.addWorker();
    expect((await service.finished(id)).status).toBe('SUCCEEDED');
    succeeded = id;
    const exploding = {
      ...tinySpec({ steps: 50, workers: 1 }),
      optimizer: { learningRate: 10, weightDecay: 10, clipNorm: 0 },
      schedule: { warmupSteps: 0 },
    };
    expect(await service.run(exploding)).toMatchObject({ status: 'FAILED', reason: 'LOSS_NOT_FINITE' });
    // Waits for more workers than there are.
    await service.client.runs.create(tinySpec({ steps: 5, workers: 5 }));
    // Scraped, and evaluated.
    await setTimeout(4000);
  });
  afterAll(async () => {
    await prometheus?.stop();
    await service?.close();
  });

  test.each(panels)('%s has data: %s', async (_, expression) => {
    const asked = expression.replaceAll('$run', '.+').replaceAll('$__range', '10m');
    expect((await prometheus.query(asked)).length).toBeGreaterThan(0);
  });

  test('the final scores of a run that is over are shown, and its name', async () => {
    const final = await prometheus.query(
      `last_over_time(triptych_run_score{run="${succeeded}",stage="final"}[10m])`,
    );
    expect(final.map(({ metric }) => metric['task'])).toContain('zero-shot');
    const info = await prometheus.query(
      `last_over_time(triptych_run_info{run="${succeeded}",status="SUCCEEDED"}[10m])`,
    );
    expect(info[0]!.metric).toMatchObject({ name: 'watched' });
  });

  test('every rule evaluates; the failed run alone is an alert', async () => {
    const rules = await prometheus.rules();
    expect(new Set(rules.map(({ name }) => name))).toEqual(new Set(alerts));
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
    expect(rules.filter(({ state }) => state === 'firing').map(({ name }) => name)).toEqual(['RunFailed']);
    const [alert] = await prometheus.query('ALERTS{alertname="RunFailed",alertstate="firing"}');
    expect(alert!.metric['reason']).toBe('LOSS_NOT_FINITE');
    const [recoveries] = await prometheus.query('sum(increase(triptych_recoveries_total[5m]))');
    expect(Number(recoveries!.value[1])).toBeGreaterThan(0);
  });
});
