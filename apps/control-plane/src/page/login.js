/** Logging in and out: a form where the service asks who it is, and links that log in once. The token is kept nowhere here. */
import { post, read, send } from './requests.js';

const place = (id) => document.getElementById(id);

/** Follows a link that logs in, if this is one. What it has is taken out of the address first. */
export async function followLoginLink() {
  const code = /^#login=(.+)$/.exec(location.hash)?.[1];
  if (code === undefined) return;
  history.replaceState(null, '', location.pathname);
  // A link that was used before is of no matter to who is logged in, and the others see the form.
  await post('/v1/login', { token: decodeURIComponent(code) }).catch(() => undefined);
}

/** Nothing but the form is there until a token was taken. */
export function askForToken() {
  if (document.body.classList.contains('logged-out')) return;
  document.body.classList.add('logged-out');
  place('login').hidden = false;
  place('token').focus();
}

/** A button where there is something to end. */
export async function showWhoItIs() {
  const { name, scope, via } = await read('/v1/me');
  place('logout').hidden = via !== 'login';
  place('logout').title = `${name} (${scope})`;
}

place('login').addEventListener('submit', async (event) => {
  event.preventDefault();
  const told = place('login-answer');
  told.textContent = '';
  try {
    await post('/v1/login', { token: place('token').value.trim() });
    location.reload();
  } catch (error) {
    told.textContent = error.message;
  }
});

place('logout').addEventListener('click', async () => {
  await send('DELETE', '/v1/login').catch(() => undefined);
  location.reload();
});
