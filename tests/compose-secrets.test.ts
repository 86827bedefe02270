/** The secrets and certificates that the service `secrets` of docker-compose.yml hands out, by the script that it runs. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { compose, overlays, root, services } from './fixtures/compose.ts';

describe('secrets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'triptych-secrets-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(root, 'deploy/compose/make-secrets.sh');
  const tls = overlays.find(({ name }) => name === 'tls')!.overlay;
  const mounts = Object.keys({ ...compose.volumes, ...tls.volumes }).filter((name) =>
    name.startsWith('secret-'),
  );

  /** A service that starts for the first time. */
  function start(name: string, given: Record<string, string> = {}, env: Record<string, string> = {}) {
    const [SECRETS, GIVEN] = [join(folder, name, 'secrets'), join(folder, name, 'given')];
    for (const mount of mounts) mkdirSync(join(SECRETS, mount.replace('secret-', '')), { recursive: true });
    mkdirSync(GIVEN, { recursive: true });
    for (const [file, text] of Object.entries(given)) {
      mkdirSync(dirname(join(GIVEN, file)), { recursive: true });
      writeFileSync(join(GIVEN, file), text);
    }
    const { status, stderr } = spawnSync('sh', [script], { env: { ...process.env, SECRETS, GIVEN, ...env } });
    const secret = (path: string): string => readFileSync(join(SECRETS, path), 'utf8').trim();
    return { status, stderr: String(stderr), secret };
  }
  const paths = ['database/password', 'queue/password', 'grafana/password', 'admin/token', 'join/token'];

  test('no password stands in the file, and none has a default', () => {
    const given = services.flatMap(([name, { environment = {} }]) =>
      Object.entries(environment).map(([variable, value]) => [name, variable, value] as const),
    );
    const secret = given.filter(([, variable]) => /PASSWORD|TOKEN|SECRET|_KEY/.test(variable));
    expect(secret.length).toBeGreaterThan(4);
    for (const [name, variable, value] of secret) {
      expect([name, variable]).toEqual([name, expect.stringMatching(/_FILE$/)]);
      const [, volume] = /^\/run\/triptych\/(\w+)\//.exec(value)!;
      expect(compose.services[name]!.volumes).toContain(`secret-${volume}:/run/triptych/${volume}:ro`);
    }
    for (const url of given.filter(([, variable]) => variable.endsWith('_URL')))
      expect(url[2]).not.toMatch(/:[^/]*@/);
    expect(compose.services['redis']).toMatchObject({
      command: expect.arrayContaining(['/run/triptych/queue/redis.conf']),
    });
  });

  test('are drawn once, each its own, and stay', () => {
    const first = start('drawn');
    expect(first).toMatchObject({ status: 0, stderr: '' });
    const drawn = paths.map(first.secret);
    for (const secret of drawn) expect(secret).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(drawn).size).toBe(paths.length);
    expect(first.secret('queue/redis.conf')).toBe(`requirepass ${first.secret('queue/password')}`);
    expect(paths.map(start('drawn').secret)).toEqual(drawn);
  });

  test('of the operator come first, also later', () => {
    const drawn = start('own').secret('admin/token');
    const own = `own_${'x'.repeat(40)}`;
    const again = start('own', { admin_token: `${own}\n` });
    expect([drawn === own, again.secret('admin/token')]).toEqual([false, own]);
  });

  test.each([
    ['short', { redis_password: 'secret' }, {}, 'redis_password has 6 characters; give 32'],
    ['strange', { postgres_password: `${'x'.repeat(40)} y` }, {}, 'postgres_password may have letters'],
    ['open', {}, { BIND: '0.0.0.0', AUTH: 'off' }, 'TRIPTYCH_BIND=0.0.0.0'],
  ])('that protect nothing are refused: %s', (name, given, env, reason) => {
    const { status, stderr } = start(name, given, env);
    expect([status, stderr]).toEqual([1, expect.stringContaining(reason)]);
    for (const value of Object.values(given)) if (value.length > 6) expect(stderr).not.toContain(value);
  });

  describe('for TLS', () => {
    const roles = ['control-plane', 'worker'];
    const certificates = (of: string): Record<string, string> =>
      Object.fromEntries([
        ['certificates/ca-key.pem', 'of the CA'],
        ...roles.flatMap((role) =>
          ['ca', 'cert', 'key'].map((part) => [
            `certificates/${role}/${part}.pem`,
            `${part} of ${role} ${of}`,
          ]),
        ),
      ]);

    test('are those of each role, also after they were renewed, and the key of the CA stays where it is', () => {
      for (const of of ['now', 'later']) {
        const { status, stderr, secret } = start('tls', certificates(of), { TLS: 'on' });
        expect([status, stderr]).toEqual([0, '']);
        for (const role of roles) expect(secret(`tls-${role}/key.pem`)).toBe(`key of ${role} ${of}`);
      }
      expect(spawnSync('grep', ['-rl', 'of the CA', join(folder, 'tls', 'secrets')]).stdout.toString()).toBe(
        '',
      );
    });

    test('that are missing are said, with the command that makes them', () => {
      const { [`certificates/worker/key.pem`]: _, ...some } = certificates('now');
      const { status, stderr } = start('half', some, { TLS: 'on' });
      expect([status, stderr]).toEqual([
        1,
        expect.stringMatching(/certificates\/worker\/key\.pem.*triptych certificates --out/),
      ]);
    });

    test('are given whole to each process, and only its own', () => {
      expect(tls.services['secrets']!.environment).toEqual({ TLS: 'on' });
      for (const name of ['control-plane', 'worker', 'worker-gpu']) {
        const { environment, volumes } = tls.services[name]!;
        expect(Object.keys(environment!).sort()).toEqual(
          ['CA', 'CERT', 'KEY'].map((part) => `TRIPTYCH_TLS_${part}`),
        );
        const role = name === 'control-plane' ? name : 'worker';
        expect(volumes).toEqual([`secret-tls-${role}:/run/triptych/tls:ro`]);
      }
    });
  });

  test('of the operator, and datasets, are not in git', () => {
    const ignored = [
      'deploy/compose/secrets/admin_token',
      'deploy/compose/secrets/certificates/worker/key.pem',
      'datasets/birds/a.jpg',
    ];
    const options = { cwd: root, encoding: 'utf8' } as const;
    expect(
      execFileSync('git', ['check-ignore', ...ignored], options)
        .trim()
        .split('\n'),
    ).toEqual(ignored);
  });
});
