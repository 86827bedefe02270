/** Who may do what, and who did it: scopes, API tokens, logins and the audit, as the REST API shows them. */
import { type Static, Type } from 'typebox';
import { Id, Name, PageOf, PageQuery, Timestamp } from './vocabulary.ts';

const closed = { additionalProperties: false } as const;

/** From the least to the most: each lets do what those before it do. */
export const scopes = ['read', 'submit', 'operate', 'admin'] as const;
export const Scope = Type.Enum([...scopes], {
  $id: 'Scope',
  description:
    'read: look at everything but tokens and the audit; submit: also submit runs, cancel those of the same name, register datasets, import models, ask for predictions; operate: also what ends or removes the work of others; admin: also tokens and the audit',
});
export type Scope = (typeof scopes)[number];

/** Whether who has `held` may do what needs `needed`. */
export const allows = (held: Scope, needed: Scope): boolean => scopes.indexOf(held) >= scopes.indexOf(needed);

const PrincipalName = Type.String({
  ...Name,
  description: 'Who uses it. Several tokens may have the same name, as while one replaces another',
});

export const ApiToken = Type.Object(
  {
    id: Id,
    name: PrincipalName,
    scope: Scope,
    createdAt: Timestamp,
    createdBy: Type.String({ description: 'Who made it' }),
    expiresAt: Type.Optional(Timestamp),
    revokedAt: Type.Optional(Timestamp),
    lastUsedAt: Type.Optional(Type.String({ ...Timestamp, description: 'To the minute' })),
  },
  { ...closed, $id: 'ApiToken' },
);
export type ApiToken = Static<typeof ApiToken>;
export const ApiTokenPage = PageOf(ApiToken, 'ApiTokenPage');

export const CreateToken = Type.Object(
  {
    name: PrincipalName,
    scope: Scope,
    expiresAt: Type.Optional(
      Type.String({
        ...Timestamp,
        description: 'From then on it is refused; absent: it stays until revoked',
      }),
    ),
  },
  { ...closed, $id: 'CreateToken' },
);
export type CreateToken = Static<typeof CreateToken>;

export const CreatedToken = Type.Object(
  { ...ApiToken.properties, token: Type.String({ description: 'The secret. It is shown this once' }) },
  { ...closed, $id: 'CreatedToken' },
);
export type CreatedToken = Static<typeof CreatedToken>;

export const Me = Type.Object(
  {
    name: Type.String({ description: 'Of the principal: what events and the audit call the actor' }),
    scope: Scope,
    via: Type.Enum(['token', 'login', 'nothing'], {
      description: 'How it was told: an API token, the cookie of a login, or nothing, where nobody is asked',
    }),
    tokenId: Type.Optional(Type.String({ description: 'Absent: the admin token of the configuration' })),
    expiresAt: Type.Optional(Timestamp),
  },
  { ...closed, $id: 'Me' },
);
export type Me = Static<typeof Me>;

export const Login = Type.Object(
  { token: Type.String({ maxLength: 500, description: 'An API token, or a login code that is unused' }) },
  { ...closed, $id: 'Login' },
);
export type Login = Static<typeof Login>;

export const LoginCode = Type.Object(
  {
    code: Type.String({ description: 'Logs in once; /#login=CODE opens the page with it' }),
    expiresAt: Timestamp,
  },
  { ...closed, $id: 'LoginCode' },
);
export type LoginCode = Static<typeof LoginCode>;

export const auditOutcomes = ['done', 'refused', 'failed'] as const;
export const AuditEntry = Type.Object(
  {
    id: Id,
    at: Timestamp,
    actor: Type.Optional(Type.String({ description: 'Absent: nobody who is known' })),
    tokenId: Type.Optional(Id),
    action: Type.String({ description: 'operationId of the request' }),
    subject: Type.Optional(Type.String({ description: 'Id of what it was done to' })),
    outcome: Type.Enum([...auditOutcomes]),
    code: Type.Optional(Type.String({ description: 'Of the error table, where it was not done' })),
    address: Type.Optional(Type.String({ description: 'Where the request came from' })),
    count: Type.Integer({ description: 'Refusals of one kind within a minute are one entry' }),
  },
  { ...closed, $id: 'AuditEntry' },
);
export type AuditEntry = Static<typeof AuditEntry>;
export const AuditPage = PageOf(AuditEntry, 'AuditPage');
export const AuditQuery = Type.Object(
  {
    ...PageQuery.properties,
    actor: Type.Optional(Type.String({ ...Name, description: 'Only what this one did' })),
    action: Type.Optional(Type.String({ ...Name, description: 'Only this operationId' })),
    subject: Type.Optional(Type.String({ ...Name, description: 'Only what was done to this one' })),
    outcome: Type.Optional(Type.Enum([...auditOutcomes], { description: 'Only what ended so' })),
    from: Type.Optional(Type.String({ ...Timestamp, description: 'Only at this time or later' })),
    until: Type.Optional(Type.String({ ...Timestamp, description: 'Only before this time' })),
  },
  closed,
);
export type AuditQuery = Static<typeof AuditQuery>;
