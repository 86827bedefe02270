/** What browsers are told about everything that is served here: to load nothing from elsewhere, and to run nothing inline. */
import { createHash } from 'node:crypto';
import helmet from '@fastify/helmet';
import type { App } from './app.ts';

const csp = (more: Readonly<Record<string, string[]>> = {}) => ({
  useDefaults: false,
  directives: {
    'default-src': ["'self'"],
    'base-uri': ["'none'"],
    'form-action': ["'self'"],
    'frame-ancestors': ["'none'"],
    'object-src': ["'none'"],
    // Pictures that the user chose are shown (blob:), and the icons of /docs are data:.
    'img-src': ["'self'", 'blob:', 'data:'],
    ...more,
  },
});

/** Swagger's page has styles of its own making. */
export const withAnyStyle = csp({ 'style-src': ["'self'", "'unsafe-inline'"] }).directives;

/** For a page with one inline style sheet. */
export const withInlineStyle = (css: string) => ({
  contentSecurityPolicy: csp({
    'style-src': ["'self'", `'sha256-${createHash('sha256').update(css).digest('base64')}'`],
  }),
});

/** Must come before the routes. */
export async function sendSecurityHeaders(app: App): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: csp(),
    // TLS, where there is any, ends in front of this server.
    strictTransportSecurity: false,
    // A model's files may be fetched by whoever has the token.
    crossOriginResourcePolicy: { policy: 'same-origin' },
  });
}
