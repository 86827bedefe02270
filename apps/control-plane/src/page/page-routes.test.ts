import fastify from 'fastify';
import { expect, test } from 'vitest';
import { sendSecurityHeaders } from '../http/security-headers.ts';
import { pageRoutes } from './page-routes.ts';

const app = fastify();
await sendSecurityHeaders(app);
pageRoutes(app);

test('every file that the page refers to is served with its type, and nothing else is', async () => {
  const page = await app.inject('/');
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  const pending = [...page.body.matchAll(/(?:src|href)="\/(status[^"]*)"/g)].map(([, file]) => `/${file}`);
  const seen = new Set<string>();
  for (let path = pending.pop(); path; path = pending.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const file = await app.inject(path);
    expect([path, file.statusCode]).toEqual([path, 200]);
    expect(file.headers['content-type']).toMatch(/^(text\/(css|javascript)|image\/svg\+xml); charset=utf-8$/);
    pending.push(...[...file.body.matchAll(/from '\.(\/[\w-]+\.js)'/g)].map(([, module = '']) => module));
  }
  expect([...seen].sort()).toEqual([
    '/elements.js',
    '/login.js',
    '/loss-chart.js',
    '/model-trial.js',
    '/prediction.js',
    '/requests.js',
    '/run-actions.js',
    '/run-detail.js',
    '/score-format.js',
    '/status.css',
    '/status.js',
    '/status.svg',
  ]);
});

test('the policy that forbids inline code holds: the page has none', async () => {
  const { body, headers } = await app.inject('/');
  expect(headers['content-security-policy']).toContain("default-src 'self'");
  expect(body).not.toMatch(/<script(?![^>]*src=)|<style|\son\w+=|\sstyle=/);
});
