/** The status page: runs, the selected run, models to try, workers. Lists are polled, the selected run is followed by its events. */
import { bytes, element, fixed, statusLabel, table } from './elements.js';
import { askForToken, followLoginLink, showWhoItIs } from './login.js';
import { ModelTrial } from './model-trial.js';
import { LoggedOut, read } from './requests.js';
import { RunDetail } from './run-detail.js';

const POLL_MS = 2000;
const SHOWN_RUNS = 50;
const place = (id) => document.getElementById(id);
const detail = new RunDetail(place('detail'));
const trial = new ModelTrial(place('models'));

async function refresh() {
  try {
    const [runs, workers] = await Promise.all([read(`/v1/runs?limit=${SHOWN_RUNS}`), read('/v1/workers')]);
    showSummary(runs.items, workers.items);
    showRuns(runs);
    showWorkers(workers.items);
    detail.show(selected() ?? detail.id ?? (runs.items.find(isLive) ?? runs.items[0])?.id);
    markCurrent();
    // Imported models come without a run: they are seen within half a minute.
    const trained = runs.items.map(({ modelId }) => modelId ?? '').join();
    await trial.refresh(`${trained} ${Math.floor(Date.now() / 30_000)}`);
  } catch (error) {
    if (error instanceof LoggedOut) {
      place('summary').textContent = 'Not logged in';
      askForToken();
      return;
    }
    place('summary').textContent = `The control plane does not answer (${error.message}); trying again`;
  }
}

const selected = () => decodeURIComponent(location.hash.slice(1)) || undefined;

const isLive = ({ status }) => !['QUEUED', 'SUCCEEDED', 'FAILED', 'CANCELLED'].includes(status);

function showSummary(runs, workers) {
  const queued = runs.filter(({ status }) => status === 'QUEUED').length;
  const live = runs.filter(isLive).length;
  const present = workers.filter(({ state }) => state !== 'lost').length;
  const text = `${live} running, ${queued} queued, ${present} ${present === 1 ? 'worker' : 'workers'}`;
  // A live region that is written to is read out: only when there is something new.
  if (place('summary').textContent !== text) place('summary').textContent = text;
}

function showRuns({ items, nextCursor }) {
  if (items.length === 0) {
    place('runs').replaceChildren(
      element(
        'li',
        { class: 'empty' },
        'No run yet. Register a folder of images, then submit one:',
        element('code', {
          text: 'triptych datasets register --name mine /path/to/images\ntriptych submit --model clip-small --dataset mine',
        }),
        element('a', { href: '/docs', text: 'The same over REST' }),
      ),
    );
    return;
  }
  const links = new Map(
    [...place('runs').querySelectorAll('a.run')].map((link) => [link.hash.slice(1), link]),
  );
  const focused = document.activeElement?.hash?.slice(1);
  const scrolled = place('runs').scrollTop;
  const entries = items.map((run) => {
    const link = links.get(run.id) ?? element('a', { class: 'run', href: `#${run.id}` });
    link.replaceChildren(...runLine(run));
    return element('li', {}, link);
  });
  const more = nextCursor
    ? [
        element(
          'li',
          { class: 'small muted' },
          `The newest ${SHOWN_RUNS}; all are at `,
          element('a', { href: '/v1/runs', text: '/v1/runs' }),
        ),
      ]
    : [];
  place('runs').replaceChildren(...entries, ...more);
  place('runs').scrollTop = scrolled;
  if (focused && links.has(focused)) links.get(focused).focus({ preventScroll: true });
}

function runLine(run) {
  const { progress } = run;
  const where =
    run.status === 'QUEUED'
      ? `${run.queuePosition ? `#${run.queuePosition}: ` : ''}${run.message}`
      : `step ${progress.step} of ${progress.totalSteps}`;
  return [
    element(
      'div',
      { class: 'row' },
      element('strong', { text: run.name ?? run.id }),
      statusLabel(run.status),
    ),
    element('progress', { value: progress.ratio, max: 1, 'aria-label': 'Progress' }),
    element(
      'div',
      { class: 'row small muted' },
      element('span', { text: where, title: where }),
      element('span', {
        text: progress.loss === undefined ? run.spec.model : `loss ${fixed(progress.loss, 3)}`,
      }),
    ),
  ];
}

function markCurrent() {
  for (const link of place('runs').querySelectorAll('a.run')) {
    if (link.hash.slice(1) === detail.id) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
}

function showWorkers(workers) {
  if (workers.length === 0) {
    const command = `TRIPTYCH_CONTROL=${location.hostname}:8081 node apps/worker/dist/main.js`;
    place('workers').replaceChildren(
      element(
        'p',
        { class: 'empty' },
        'No worker has registered: runs wait until one does. Start one with the address of the gRPC port:',
        element('code', { text: command }),
      ),
    );
    return;
  }
  place('workers').replaceChildren(
    table(
      ['Worker', 'State', 'Pool', 'Backend', 'Device', 'Numerics', '#Memory', '#Loop lag', 'Run'],
      workers.map((worker) => [
        element('code', { text: worker.id }),
        statusLabel(worker.state),
        worker.pool,
        worker.backend,
        `${worker.device}, ${worker.threads} ${worker.threads === 1 ? 'thread' : 'threads'}`,
        worker.numerics
          ? element('span', {
              title: `Workers with the same code give the same bits: ${Object.entries(worker.numerics)
                .map(([name, value]) => `${name} ${value}`)
                .join(', ')}`,
              text: `${worker.numerics.digest} (${worker.numerics.gemm}, ${worker.numerics.precision})`,
            })
          : '',
        `${bytes(worker.memoryUsedBytes)} of ${bytes(worker.memoryBytes)}`,
        `${fixed(worker.eventLoopLagMs, 1)} ms`,
        worker.runId ? element('a', { href: `#${worker.runId}`, text: `rank ${worker.rank}` }) : '',
      ]),
    ),
  );
}

window.addEventListener('hashchange', () => {
  detail.show(selected());
  markCurrent();
  place('detail').focus({ preventScroll: window.innerWidth > 800 });
});

document.addEventListener('click', ({ target }) => {
  const model = target instanceof Element && target.closest('[data-try]')?.getAttribute('data-try');
  if (model) trial.choose(model);
});

// A page in the background asks for nothing.
document.addEventListener('visibilitychange', () => document.hidden || refresh());
followLoginLink()
  .then(refresh)
  .then(showWhoItIs)
  // Who is logged out sees the form; who cannot be told now has no button.
  .catch(() => undefined)
  .then(() => setInterval(() => document.hidden || refresh(), POLL_MS));
