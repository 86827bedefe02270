/** What can be known about docker-compose.yml and deploy/ without Docker: names, ports, settings, metrics. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createMetrics, variablesOf } from '@triptych/runtime';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { ControlPlaneEnvironment } from '../apps/control-plane/src/config.ts';
import { ControlMetrics } from '../apps/control-plane/src/metrics/control-metrics.ts';
import { registerRecordGauges } from '../apps/control-plane/src/metrics/record-gauges.ts';
import { SupervisorMetrics } from '../apps/control-plane/src/supervisor/supervisor-metrics.ts';
import { WorkerEnvironment } from '../apps/worker/src/config.ts';
import { compose, composeText, overlays, read, root, type Service, services } from './fixtures/compose.ts';

const ours = services.filter(([, service]) => service.build);
const appOf = (service: Service): string => (service.image.includes('worker') ? 'worker' : 'control-plane');

const settingsOf = (app: string): Set<string> =>
  new Set(variablesOf(app === 'worker' ? WorkerEnvironment : ControlPlaneEnvironment));

/** The lines of the stage that an image is made of, and of those that it begins with. */
function stageOf({ build }: Service): string {
  const stages = read(build!.dockerfile).split(/^(?=FROM )/m);
  const name = (stage: string): string | undefined => /^FROM \S+ AS (\S+)/.exec(stage)?.[1];
  const last = build!.target ? stages.find((stage) => name(stage) === build!.target) : stages.at(-1);
  expect(last).toBeDefined();
  const first = stages.find((stage) => name(stage) === /^FROM (\S+)/.exec(last!)![1]);
  return `${first ?? ''}${last}`.replaceAll(/^#.*\n/gm, '');
}

describe('docker-compose.yml', () => {
  test('has the services of the architecture', () => {
    expect(Object.keys(compose.services).sort()).toEqual([
      'control-plane',
      'grafana',
      'postgres',
      'prometheus',
      'redis',
      'secrets',
      'worker',
      'worker-gpu',
    ]);
  });

  test('starts without an .env file: every variable has a default', () => {
    const open = [...composeText.matchAll(/\$\{([^}]*)\}/g)].filter((match) => !match[1]!.includes(':-'));
    expect(open.map((match) => match[0])).toEqual([]);
  });

  test('publishes each port once, on this machine only', () => {
    const published = services.flatMap(([, service]) => service.ports ?? []);
    const hostPorts = published.map(
      (port) => /^(?:127\.0\.0\.1|\$\{TRIPTYCH_BIND:-127\.0\.0\.1\}):(\d+):\d+$/.exec(port)?.[1],
    );
    expect(hostPorts).not.toContain(undefined);
    expect(new Set(hostPorts).size).toBe(hostPorts.length);
  });

  test.each(ours.filter(([name]) => name.startsWith('worker')))('can have any number of %s', (_, service) => {
    expect(service).not.toHaveProperty('container_name');
    expect(service).not.toHaveProperty('hostname');
    expect(service).not.toHaveProperty('network_mode');
    expect(service).not.toHaveProperty('ports');
    expect(service.volumes).toEqual(['secret-join:/run/triptych/join:ro', '/var/cache/triptych']);
  });

  test('waits for health, and whatever is waited for reports it', () => {
    const waits = services.flatMap(([, { depends_on = {} }]) => Object.entries(depends_on));
    expect(waits.length).toBeGreaterThan(0);
    for (const [name, { condition }] of waits) {
      const needed = compose.services[name]!;
      if (name === 'secrets') {
        expect(condition).toBe('service_completed_successfully');
        continue;
      }
      expect(condition).toBe('service_healthy');
      const image = needed.build ? stageOf(needed) : '';
      expect({ name, healthy: needed.healthcheck !== undefined || image.includes('HEALTHCHECK') }).toEqual({
        name,
        healthy: true,
      });
    }
  });

  test('mounts what exists', () => {
    for (const [, { volumes = [] }] of services) {
      for (const source of volumes.map((volume) => /^(\$\{[^}]*\}|[^:]*)/.exec(volume)![0])) {
        const path = /^(?:\$\{\w+:-)?(\.\/[^}]*)/.exec(source)?.[1];
        if (path) expect([path, existsSync(join(root, path))]).toEqual([path, true]);
        else if (!source.startsWith('/')) expect(Object.keys(compose.volumes)).toContain(source);
      }
    }
  });
});

describe.each(overlays)('deploy/compose/$name.yml', ({ overlay }) => {
  test('adds to services that exist, and mounts what exists, at places that are free', () => {
    const volumes = Object.keys({ ...compose.volumes, ...overlay.volumes });
    for (const [name, added] of Object.entries(overlay.services)) {
      expect(Object.keys(compose.services)).toContain(name);
      expect(Object.keys(added).filter((key) => !['environment', 'volumes'].includes(key))).toEqual([]);
      const places = (service: Partial<Service>) => (service.volumes ?? []).map((one) => one.split(':')[1]);
      const taken = places(compose.services[name]!);
      for (const volume of added.volumes ?? []) expect(volumes).toContain(volume.split(':')[0]);
      expect(places(added).filter((place) => place === undefined || taken.includes(place))).toEqual([]);
    }
  });
});

describe('what a service may do', () => {
  test.each(services)('%s has no right, no room and no log without a bound', (name, service) => {
    expect(service).toMatchObject({
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      read_only: name !== 'postgres',
      mem_limit: expect.stringMatching(/\d+[mg]\}?$/),
      pids_limit: expect.anything(),
      cpus: expect.anything(),
      logging: {
        driver: 'json-file',
        options: { 'max-size': expect.anything(), 'max-file': expect.anything() },
      },
    });
    expect(service).not.toHaveProperty('privileged');
  });

  test('only the service that reads secrets of the operator has a capability', () => {
    const capable = services
      .filter(([, { cap_add }]) => cap_add)
      .map(([name, { cap_add }]) => [name, cap_add]);
    expect(capable).toEqual([['secrets', ['DAC_READ_SEARCH']]]);
  });

  test('each is on the networks that it needs', () => {
    const networks = Object.fromEntries(services.map(([name, service]) => [name, service.networks ?? []]));
    expect(networks).toEqual({
      secrets: [],
      'control-plane': ['data', 'fleet', 'watch'],
      worker: ['fleet'],
      'worker-gpu': ['fleet'],
      postgres: ['data'],
      redis: ['data'],
      prometheus: ['watch'],
      grafana: ['watch'],
    });
    expect(compose.services['secrets']!.network_mode).toBe('none');
    expect(compose.networks['data']).toEqual({ internal: true });
  });

  test('images of others have a whole version, ours are built and never pulled', () => {
    for (const [name, service] of services) {
      if (service.build)
        expect([name, service]).toEqual([name, expect.objectContaining({ pull_policy: 'build' })]);
      else
        expect([name, service.image]).toEqual([name, expect.stringMatching(/:v?\d+\.\d+(\.\d+)?(-\w+)?$/)]);
    }
    const bases = ours.flatMap(([, { build }]) => [
      ...read(build!.dockerfile).matchAll(/^ARG \w+_IMAGE=(\S+)$/gm),
    ]);
    expect(bases.length).toBeGreaterThan(0);
    for (const [, base] of bases) expect(base).toMatch(/:\d+\.\d+\.\d+-/);
  });
});

describe('images', () => {
  test.each(ours)('%s: is told only what the app reads', (name, service) => {
    const settings = settingsOf(appOf(service));
    const image = [...stageOf(service).matchAll(/^(?:ENV)? +([A-Z][A-Z0-9_]*)=/gm)].map((m) => m[1]!);
    const given = [
      ...Object.keys(service.environment ?? {}),
      ...overlays.flatMap(({ overlay }) => Object.keys(overlay.services[name]?.environment ?? {})),
      ...image.filter((variable) => /^(TRIPTYCH_|ARTIFACTS_|DATABASE_|QUEUE_)/.test(variable)),
    ];
    expect(given.length).toBeGreaterThan(0);
    const unread = given.filter((variable) => !settings.has(variable));
    expect(unread).toEqual([]);
  });

  test.each(ours)('%s: builds a workspace that exists and starts its entry point', (_, service) => {
    const text = read(service.build!.dockerfile);
    const app = appOf(service);
    expect(JSON.parse(read(`apps/${app}/package.json`)).name).toBe(`@triptych/${app}`);
    expect(text).toMatch(new RegExp(`--filter=@triptych/${app}\\s`));
    expect(text).toMatch(new RegExp(`--workspace=@triptych/${app}\\s`));
    expect(stageOf(service)).toMatch(/^USER node$/m);
    expect(stageOf(service).trimEnd().split('\n').at(-1)).toBe(`CMD ["node", "apps/${app}/dist/main.js"]`);
    expect(existsSync(join(root, `apps/${app}/src/main.ts`))).toBe(true);
    const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) => match[1]!.split(' '));
    expect(copied.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });
});

describe('what Prometheus and Grafana ask for', () => {
  const registry = createMetrics();
  new ControlMetrics(registry);
  new SupervisorMetrics(registry);
  registerRecordGauges(registry, {
    isLeading: () => true,
    census: async () => [],
    demand: async () => [],
    recent: async () => [],
    workers: async () => [],
    queueDepth: async () => ({}),
    ping: async () => {},
    connections: () => ({ total: 0, idle: 0, waiting: 0 }),
    artifactSpace: async () => undefined,
  });

  interface Dashboard {
    readonly uid: string;
    readonly panels: readonly {
      readonly id: number;
      readonly title: string;
      readonly gridPos: { readonly x: number; readonly w: number };
      readonly targets?: readonly { readonly expr: string }[];
    }[];
    readonly templating: { readonly list: readonly { readonly definition: string }[] };
  }
  const dashboards = readdirSync(join(root, 'deploy/grafana/dashboards')).map(
    (file) => [file, JSON.parse(read(`deploy/grafana/dashboards/${file}`)) as Dashboard] as const,
  );
  const { groups } = parse(read('deploy/prometheus/alerts.yml')) as {
    groups: { rules: { alert: string; expr: string; annotations: { summary: string } }[] }[];
  };
  const rules = groups.flatMap((group) => group.rules);

  const questions: [where: string, expression: string][] = [
    ...dashboards.flatMap(([file, { panels, templating }]) => [
      ...panels.flatMap(({ title, targets = [] }) =>
        targets.map(({ expr }): [string, string] => [`${file}: ${title}`, expr]),
      ),
      ...templating.list.map(({ definition }): [string, string] => [`${file}: variable`, definition]),
    ]),
    ...rules.map(({ alert, expr }): [string, string] => [`alerts.yml: ${alert}`, expr]),
  ];

  /** Series name to the labels it has. */
  async function seriesOf(): Promise<Map<string, Set<string>>> {
    const series = new Map<string, Set<string>>([['up', new Set(['job', 'instance'])]]);
    for (const { name, type } of await registry.getMetricsAsJSON()) {
      const { labelNames = [] } = registry.getSingleMetric(name) as unknown as { labelNames?: string[] };
      const names =
        String(type) === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name];
      for (const one of names) series.set(one, new Set([...labelNames, 'le', 'job', 'instance']));
    }
    return series;
  }

  test.each(questions)('%s exists: %s', async (_, expression) => {
    const series = await seriesOf();
    const used = [...expression.matchAll(/\b(up|triptych_\w+)(?:\{([^}]*)\})?/g)];
    expect(used.length).toBeGreaterThan(0);
    expect(used.map((match) => match[1]!).filter((name) => !series.has(name))).toEqual([]);

    for (const [, name, matchers = ''] of used) {
      const labels = [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1]!);
      expect({ name, unknown: labels.filter((label) => !series.get(name!)!.has(label)) }).toEqual({
        name,
        unknown: [],
      });
    }
    const known = new Set(used.flatMap(([, name]) => [...series.get(name!)!]));
    const grouped = [...expression.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap((match) =>
      match[1]!.split(',').map((label) => label.trim()),
    );
    expect(grouped.filter((label) => label !== '' && !known.has(label))).toEqual([]);
  });

  test('every rule has a name of its own and says in a sentence what is wrong', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    expect(rules.filter(({ annotations }) => !annotations.summary)).toEqual([]);
  });

  test.each(dashboards)('%s can be provisioned', (_, { uid, panels }) => {
    const datasource = read('deploy/grafana/provisioning/datasources/prometheus.yml');
    expect(datasource).toContain('uid: prometheus');
    expect(uid).toMatch(/^[a-z-]{1,40}$/);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).toEqual([]);
    expect(JSON.stringify(panels).match(/"uid":"(?!prometheus")/g)).toBeNull();
  });

  test('Prometheus scrapes the port that the control plane listens on', () => {
    const { scrape_configs: jobs } = parse(read('deploy/prometheus/prometheus.yml'));
    const image = stageOf(compose.services['control-plane']!);
    const port = /TRIPTYCH_HTTP_PORT=(\d+)/.exec(image)?.[1];
    expect(jobs[0].static_configs[0].targets).toEqual([`control-plane:${port}`]);
  });
});
