/**
 * The status page at `/`: static files next to this module, read once. No framework, no build step. How scores are written is one
 * module for the page and the command line.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { App } from '../http/app.ts';

const types = { html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' } as const;

const files = [
  'status.html',
  'status.css',
  'status.svg',
  'status.js',
  'run-detail.js',
  'run-actions.js',
  'requests.js',
  'login.js',
  'model-trial.js',
  'prediction.js',
  'loss-chart.js',
  'elements.js',
];

const elsewhere: Readonly<Record<string, string>> = {
  'score-format.js': createRequire(import.meta.url).resolve('@triptych/scoring/format'),
};

export function pageRoutes(app: App): void {
  for (const file of [...files, ...Object.keys(elsewhere)]) {
    const path = elsewhere[file];
    const content = readFileSync(path === undefined ? new URL(file, import.meta.url) : pathToFileURL(path));
    const type = types[file.slice(file.lastIndexOf('.') + 1) as keyof typeof types];
    const route = file === 'status.html' ? '/' : `/${file}`;
    app.get(route, { schema: { hide: true } }, (_, reply) =>
      reply.header('cache-control', 'no-cache').type(`${type}; charset=utf-8`).send(content),
    );
  }
}
