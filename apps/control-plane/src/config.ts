/** The environment of a control plane. Read once, in main. */
import { announcedPattern, invalidInput } from '@triptych/protocol';
import { FleetSettings, Secret } from '@triptych/runtime';
import { type Static, Type } from 'typebox';

const Port = (byDefault: number) =>
  Type.Integer({ minimum: 0, maximum: 65_535, default: byDefault, description: '0 chooses a free one' });

export const ControlPlaneEnvironment = Type.Object({
  DATABASE_URL: Type.String({ pattern: '^postgres(ql)?://', description: 'PostgreSQL 14 or newer' }),
  DATABASE_PASSWORD: Type.Optional(Secret({ description: 'Of the user in DATABASE_URL' })),
  QUEUE_URL: Type.Optional(
    Type.String({
      pattern: '^(rediss?|postgres(ql)?)://',
      description: 'Where BullMQ keeps its jobs; DATABASE_URL by default',
    }),
  ),
  QUEUE_PASSWORD: Type.Optional(Secret({ description: 'Of the user in QUEUE_URL, or of Redis' })),
  ARTIFACTS_URL: Type.String({
    pattern: '^file:///',
    description: 'Where datasets, checkpoints and models live',
  }),
  TRIPTYCH_DATA_ROOTS: Type.String({
    default: '',
    description: 'Folders inside which datasets and models may be read, with colons; empty: any folder',
  }),
  TRIPTYCH_HTTP_HOST: Type.String({ default: '127.0.0.1' }),
  TRIPTYCH_HTTP_PORT: Port(8080),
  TRIPTYCH_PUBLIC_HOSTS: Type.String({
    default: '',
    pattern: '^([A-Za-z0-9_.-]+(\\s*,\\s*[A-Za-z0-9_.-]+)*)?$',
    description: 'Names by which users reach the HTTP port, beside localhost and its address; with commas',
  }),
  TRIPTYCH_AUTH: Type.Union([Type.Literal('on'), Type.Literal('off')], {
    default: 'on',
    description:
      'off: whoever reaches the HTTP port may do everything, and any worker may join where no join token is set',
  }),
  TRIPTYCH_ADMIN_TOKEN: Type.Optional(
    Secret({
      minLength: 32,
      maxLength: 200,
      pattern: '^[!-~]*$',
      description: 'An API token of scope admin, known from the start',
    }),
  ),
  TRIPTYCH_TRUSTED_PROXIES: Type.String({
    default: '',
    pattern: '^([0-9A-Fa-f.:]+(/\\d{1,3})?(\\s*,\\s*[0-9A-Fa-f.:]+(/\\d{1,3})?)*)?$',
    description: 'Addresses or networks of proxies that are believed in X-Forwarded-For; with commas',
  }),
  TRIPTYCH_REQUESTS_PER_MINUTE: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 6000,
    description: 'Of one principal, or one address where nobody is told',
  }),
  TRIPTYCH_AUDIT_DAYS: Type.Integer({
    minimum: 0,
    maximum: 36_500,
    default: 365,
    description: 'For how long the audit is kept; 0: for ever',
  }),
  TRIPTYCH_GRPC_HOST: Type.String({ default: '127.0.0.1' }),
  TRIPTYCH_GRPC_PORT: Port(8081),
  TRIPTYCH_GRPC_ADVERTISE: Type.Optional(
    Type.String({
      pattern: announcedPattern,
      description:
        'host or host:port at which workers and other control planes reach the gRPC port, where it is not the one that is listened on (of all interfaces: the name of the machine)',
    }),
  ),
  ...FleetSettings,
  TRIPTYCH_RETENTION_RUN_DAYS: Type.Integer({
    minimum: 0,
    maximum: 36_500,
    default: 0,
    description: 'Days that runs are kept after their end; 0: for ever. The models that they trained stay',
  }),
  TRIPTYCH_RETENTION_GRACE_MINUTES: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: 10,
    description: 'How long an artifact that nothing refers to stays after it was used last',
  }),
  TRIPTYCH_DATABASE_CONNECTIONS: Type.Integer({ minimum: 2, maximum: 1000, default: 10 }),
  TRIPTYCH_LOG_LEVEL: Type.Union(
    (['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const).map((level) =>
      Type.Literal(level),
    ),
    { default: 'info' },
  ),
});
export type ControlPlaneEnvironment = Readonly<Static<typeof ControlPlaneEnvironment>>;

/** Where database and queue are, with the passwords that came on their own. */
export function connectionsOf(environment: ControlPlaneEnvironment): {
  databaseUrl: string;
  queueUrl: string;
} {
  const databaseUrl = withPassword(environment, 'DATABASE');
  return { databaseUrl, queueUrl: environment.QUEUE_URL ? withPassword(environment, 'QUEUE') : databaseUrl };
}

function withPassword(environment: ControlPlaneEnvironment, whose: 'DATABASE' | 'QUEUE'): string {
  const text = environment[`${whose}_URL`] ?? '';
  const password = environment[`${whose}_PASSWORD`];
  if (password === undefined) return text;
  const url = new URL(text);
  const refuse = (expected: string, actual: string, remedy: string): never => {
    throw invalidInput('environment', [{ path: `${whose}_URL`, expected, actual, remedy }]);
  };
  if (url.password !== '')
    refuse(`no password beside ${whose}_PASSWORD`, 'another one in the URL', 'take one of the two out');
  if (url.hostname === '')
    refuse(`a host that ${whose}_PASSWORD is for`, 'none in the URL', 'name it: scheme://user@host:port');
  url.password = encodeURIComponent(password);
  return url.href;
}
