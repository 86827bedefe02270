/** The status page at `/`: three static files next to this module. */
import { readFileSync } from 'node:fs';
import type { App } from '../http/app.ts';

const files = [
  { route: '/', file: 'status.html', type: 'text/html; charset=utf-8' },
  { route: '/status.css', file: 'status.css', type: 'text/css; charset=utf-8' },
  { route: '/status.js', file: 'status.js', type: 'text/javascript; charset=utf-8' },
] as const;

export function pageRoutes(app: App): void {
  for (const { route, file, type } of files) {
    const content = readFileSync(new URL(file, import.meta.url));
    app.get(route, { schema: { hide: true } }, (_, reply) =>
      reply
        .headers({ 'cache-control': 'no-cache', 'content-security-policy': "default-src 'self'" })
        .type(type)
        .send(content),
    );
  }
}
