/** The selected run: where it stands, its loss curve, its scores and its story. It follows the run's events as they come. */
import { bytes, clock, count, duration, element, fixed, percent, statusLabel, table } from './elements.js';
import { lossChart } from './loss-chart.js';
import { read } from './requests.js';
import { isOver, runActions } from './run-actions.js';

/** Steps of a curve that is opened; the page is no wider than that. */
const POINTS = 1000;
const STORY = 500;
/** Between two drawings of a run that reports several times a second. */
const PAUSE_MS = 500;

export class RunDetail {
  #place;
  #id;
  #run;
  #metrics = [];
  /** Losses of held-out samples. */
  #validations = [];
  #story = [];
  #stream;
  #actions;
  /** Of a drawing that is due. */
  #timer;

  constructor(place) {
    this.#place = place;
    window.addEventListener('resize', () => this.#run && this.#draw());
  }

  get id() {
    return this.#id;
  }

  /** Shows a run and follows it until another is shown. */
  show(id) {
    if (id === this.#id) return;
    this.#stream?.close();
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#id = id;
    this.#run = undefined;
    this.#metrics = [];
    this.#validations = [];
    this.#story = [];
    this.#actions = undefined;
    if (id === undefined) return this.#place.replaceChildren(this.#welcome());
    this.#place.replaceChildren(element('p', { class: 'empty', text: 'Loading…' }));
    this.#open(id);
  }

  /** What is past is one page of each kind; the stream begins after it. */
  async #open(id) {
    try {
      const { items, nextSequence } = await read(`${pathOf(id)}/events?view=story&limit=${STORY}`);
      await this.#refresh(id);
      if (id !== this.#id) return;
      this.#story = items;
      this.#actions = runActions(id, {
        changed: () => this.#soon(id, 0),
        gone: () => {
          location.hash = '';
          if (id === this.#id) this.show(undefined);
        },
      });
      this.#draw();
      if (!isOver(this.#run)) this.#follow(id, nextSequence);
    } catch {
      // The header says that the control plane is away.
      if (id === this.#id) this.#timer = setTimeout(() => this.#open(id), 2000);
    }
  }

  #follow(id, after) {
    this.#stream = new EventSource(`${pathOf(id)}/events?after=${after}`);
    for (const type of ['state', 'progress', 'checkpoint', 'score', 'log'])
      this.#stream.addEventListener(type, (message) => this.#hear(id, JSON.parse(message.data)));
  }

  #hear(id, event) {
    if (id !== this.#id) return;
    if (event.type !== 'progress') this.#story.push(event);
    const isEnd = event.type === 'state' && isOver(event);
    if (isEnd) this.#stream.close();
    this.#soon(id, isEnd ? 0 : PAUSE_MS);
  }

  /** One drawing is due at most, however many events come meanwhile. */
  #soon(id, pauseMs) {
    if (this.#timer !== undefined && pauseMs > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      try {
        await this.#refresh(id);
        if (id === this.#id) this.#draw();
      } catch {
        // The header says that the control plane is away; the stream comes back by itself.
      }
      if (id === this.#id) this.#timer = undefined;
    }, pauseMs);
  }

  async #refresh(id) {
    const after = this.#metrics.at(-1)?.step ?? 0;
    const [run, { items }] = await Promise.all([
      read(pathOf(id)),
      read(`${pathOf(id)}/metrics?afterStep=${after}&points=${POINTS}`),
    ]);
    const validates = run.spec?.validation !== undefined;
    const scores = validates ? (await read(`${pathOf(id)}/scores`)).items : [];
    if (id !== this.#id) return;
    this.#validations = scores
      .filter(({ stage, metric }) => stage === 'validation' && metric === 'loss')
      .map(({ step, value }) => ({ step, loss: value }));
    this.#metrics.push(...items);
    this.#run = run;
  }

  #draw() {
    const run = this.#run;
    const { progress } = run;
    const story = this.#place.querySelector('.story');
    const scrolled = story?.scrollTop;
    this.#place.replaceChildren(
      element('div', { class: 'row' }, element('h2', { text: run.name ?? run.id }), statusLabel(run.status)),
      element('p', {
        class: 'small muted',
        text: `${run.message}${run.queuePosition ? ` (position ${run.queuePosition} in the queue)` : ''}`,
      }),
      ...(this.#actions?.(run) ?? []),
      element('progress', { value: progress.ratio, max: 1, 'aria-label': 'Progress' }),
      facts({
        Step: `${count(progress.step)} / ${count(progress.totalSteps)}`,
        Loss: fixed(progress.loss),
        'Samples/s': progress.samplesPerSecond === undefined ? '–' : fixed(progress.samplesPerSecond, 1),
        ...(isOver(run) ? { Took: tookOf(run) } : { 'Time left': duration(progress.etaSeconds) }),
        Workers: String(run.worldSize),
        Model: run.spec.model,
        Dataset: run.spec.dataset,
        Batch: `${run.spec.batch.global} in ${run.spec.batch.shards} shards`,
      }),
      element('h3', { text: 'Loss' }),
      this.#metrics.length === 0
        ? element('p', {
            class: 'empty',
            text: isOver(run) ? 'No step was committed.' : 'No step has been committed yet.',
          })
        : lossChart(this.#metrics, this.#innerWidth(), this.#validations),
      element('h3', { text: 'Scores' }),
      scoresOf(run),
      ...weightsOf(run),
      element('h3', { text: 'Story' }),
      element(
        'ol',
        { class: 'plain story', tabindex: 0, 'aria-label': 'What happened, newest first' },
        this.#story
          .toReversed()
          .map((event) =>
            element(
              'li',
              {},
              element('time', { datetime: event.at, text: clock(event.at) }),
              element(
                'span',
                {},
                event.type === 'state' ? `${event.status}: ${event.message}` : event.message,
              ),
            ),
          ),
      ),
    );
    if (scrolled) this.#place.querySelector('.story').scrollTop = scrolled;
  }

  #innerWidth() {
    const { paddingLeft, paddingRight } = getComputedStyle(this.#place);
    return Math.max(
      200,
      this.#place.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight),
    );
  }

  #welcome() {
    return element('p', { class: 'empty' }, 'Choose a run to see its loss, its scores and what happened.');
  }
}

const pathOf = (id) => `/v1/runs/${encodeURIComponent(id)}`;

const facts = (values) =>
  element(
    'dl',
    { class: 'facts' },
    Object.entries(values).map(([name, value]) =>
      element('div', {}, element('dt', { text: name }), element('dd', { text: value, title: value })),
    ),
  );

const tookOf = ({ startedAt, createdAt, finishedAt }) =>
  duration((Date.parse(finishedAt) - Date.parse(startedAt ?? createdAt)) / 1000);

/** Final beside baseline beside chance, one row for each score. */
function scoresOf(run) {
  const { scores, spec } = run;
  if (scores.length === 0) {
    const none =
      spec.evaluation.tasks.length === 0
        ? 'This run evaluates nothing.'
        : isOver(run)
          ? 'No score was reported.'
          : 'Scores come before the first step and after the last.';
    return element('p', { class: 'empty', text: none });
  }
  const rows = new Map();
  for (const score of scores) {
    const key = `${score.task} ${score.metric}`;
    rows.set(key, {
      ...rows.get(key),
      task: score.task,
      metric: score.metric,
      chance: score.chance,
      unit: score.unit,
      split: score.split,
      [score.stage]: score.value,
    });
  }
  return table(
    ['Task', 'Metric', 'Split', '#Final', '#Baseline', '#Chance'],
    [...rows.values()].map((row) => [
      row.task,
      row.metric,
      row.split,
      scored(row.final, row.unit),
      scored(row.baseline, row.unit),
      scored(row.chance, row.unit),
    ]),
  );
}

function weightsOf({ weights, modelId }) {
  if (!weights || !modelId) return [];
  const path = `/v1/models/${modelId}/files/model.safetensors`;
  return [
    element('h3', { text: 'Weights' }),
    element(
      'p',
      {},
      element('a', {
        href: path,
        download: 'model.safetensors',
        text: `model.safetensors (${bytes(weights.bytes)})`,
      }),
      element('br'),
      element('code', { class: 'small muted', text: `sha256 ${weights.sha256}` }),
    ),
    element('button', { type: 'button', 'data-try': modelId, text: 'Try this model' }),
  ];
}

const scored = (value, unit) => (unit === 'number' && value !== undefined ? fixed(value, 3) : percent(value));
