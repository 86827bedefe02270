/** /docs/errors: what each error code means, where the `type` of a problem leads. Made from the error table itself. */
import { errorTable } from '@triptych/protocol';
import type { App } from './app.ts';
import { withInlineStyle } from './security-headers.ts';

export function errorPage(app: App): void {
  const withStyle = { schema: { hide: true }, helmet: withInlineStyle(css) };
  app.get('/docs/errors', withStyle, (_, reply) => reply.type('text/html; charset=utf-8').send(page));
}

const rows = Object.entries(errorTable).map(
  ([code, { httpStatus, retry, title }]) =>
    `<tr id="${code}"><td><code>${code}</code></td><td>${httpStatus}</td><td>${title}</td><td>${retry ? 'yes' : 'no'}</td></tr>`,
);

const css = `
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
  table { border-collapse: collapse; width: 100% }
  td, th { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #8884 }
  tr:target { background: #fd02 }
`;

const page = `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Triptych error codes</title>
<style>${css}</style>
<h1>Error codes</h1>
<p>Every error is <code>application/problem+json</code> with one of these codes; <code>detail</code> says what to do about
this occurrence, <code>violations</code> lists every field that is wrong.</p>
<table><thead><tr><th>Code</th><th>HTTP</th><th>Meaning</th><th>Try again unchanged?</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></html>
`;
