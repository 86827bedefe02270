/** Try a model on pictures: choose one, ask it something that it can answer, and see the answer as it comes. */
import { bytes, element, percent } from './elements.js';
import { ask } from './prediction.js';

/** What each kind asks for; `text` is the label of its text field, `several` whether it takes more than one picture. */
const kinds = {
  classify: { title: 'Which label?', text: 'Labels, one a line', value: 'circle\nsquare\nstar', lines: 4 },
  'match-captions': { title: 'Which caption fits?', text: 'Captions, one a line', value: '', lines: 4 },
  'match-images': { title: 'Which picture fits?', text: 'Text', value: '', lines: 1, several: true },
  caption: { title: 'Describe it' },
  answer: { title: 'Answer a question', text: 'Question', value: '', lines: 1, several: true },
  chat: { title: 'Chat', text: 'Message', value: '', lines: 2, several: true },
};

export class ModelTrial {
  #place;
  #models = [];
  #known;
  #files = [];
  #going;
  #texts = new Map();
  #form;

  constructor(place) {
    this.#place = place;
  }

  /** `known`: what the list depends on; the models are read again when it changes. */
  async refresh(known) {
    if (known === this.#known) return;
    const response = await fetch('/v1/models', { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) return;
    this.#known = known;
    const { items } = await response.json();
    this.#models = items.filter(({ predictions }) => predictions?.length > 0);
    this.#draw();
  }

  /** Chooses a model and goes there. */
  choose(id) {
    if (!this.#form || !this.#models.some((model) => model.id === id)) return;
    this.#form.model.value = id;
    this.#showKinds();
    this.#place.scrollIntoView({ behavior: 'smooth', block: 'nearest' });
    this.#form.files.focus();
  }

  #draw() {
    if (this.#models.length === 0) {
      this.#place.replaceChildren(
        element('p', {
          class: 'empty',
          text: 'No trained or imported model yet: it can be tried here when there is one.',
        }),
      );
      return;
    }
    const options = this.#models.map(({ id, name, architecture, kind }) =>
      element('option', { value: id, text: `${name} (${architecture}, ${kind})` }),
    );
    if (this.#form) {
      const chosen = this.#form.model.value;
      this.#form.model.replaceChildren(...options);
      if (this.#models.some(({ id }) => id === chosen)) this.#form.model.value = chosen;
      this.#showKinds();
      return;
    }
    this.#form = {
      model: element('select', { id: 'trial-model' }, options),
      kind: element('select', { id: 'trial-kind' }),
      files: element('input', { id: 'trial-files', type: 'file', accept: 'image/*' }),
      previews: element('div', { class: 'previews' }),
      field: element('div', { class: 'field' }),
      button: element('button', { type: 'submit', text: 'Ask' }),
      answer: element('div', { class: 'answer', role: 'status' }),
    };
    const { model, kind, files, previews, field, button, answer } = this.#form;
    model.addEventListener('change', () => this.#showKinds());
    kind.addEventListener('change', () => this.#showField());
    files.addEventListener('change', () => this.#take([...files.files]));
    const form = element(
      'form',
      { class: 'trial' },
      labelled('Model', model),
      labelled('Ask', kind),
      labelled('Picture', files),
      previews,
      field,
      button,
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (this.#going) this.#going.abort();
      else this.#ask();
    });
    this.#place.replaceChildren(element('div', { class: 'trial-row' }, form, answer));
    this.#showKinds();
  }

  get #model() {
    return this.#models.find(({ id }) => id === this.#form.model.value);
  }

  #showKinds() {
    const { kind } = this.#form;
    const chosen = kind.value;
    const possible = this.#model.predictions.filter((name) => kinds[name]);
    kind.replaceChildren(
      ...possible.map((name) => element('option', { value: name, text: kinds[name].title })),
    );
    if (possible.includes(chosen)) kind.value = chosen;
    this.#showField();
  }

  /** What was typed for a kind is there again when it is chosen again. */
  #showField() {
    const { kind, field, files } = this.#form;
    const { text, value, lines, several } = kinds[kind.value];
    files.multiple = several === true;
    if (text === undefined) return field.replaceChildren();
    const name = kind.value;
    const input = element('textarea', { id: 'trial-text', rows: lines });
    input.value = this.#texts.get(name) ?? value;
    input.addEventListener('input', () => this.#texts.set(name, input.value));
    input.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.shiftKey || lines > 2) return;
      event.preventDefault();
      if (!this.#going) input.form.requestSubmit();
    });
    field.replaceChildren(labelled(text, input));
  }

  #take(files) {
    for (const { url } of this.#files) URL.revokeObjectURL(url);
    this.#files = files.map((file) => ({ file, url: URL.createObjectURL(file) }));
    this.#form.previews.replaceChildren(
      ...this.#files.map(({ file, url }, i) =>
        element('img', {
          src: url,
          alt: `Picture ${i + 1}: ${file.name}`,
          title: `${file.name}, ${bytes(file.size)}`,
        }),
      ),
    );
  }

  async #ask() {
    const { kind, button, answer, field } = this.#form;
    const going = new AbortController();
    this.#going = going;
    button.textContent = 'Stop';
    answer.replaceChildren(element('p', { class: 'muted', text: 'Asking…' }));
    try {
      const images = await Promise.all(this.#files.map(({ file }) => dataUri(file)));
      const text = field.querySelector('textarea')?.value ?? '';
      const request = requestOf({ kind: kind.value, model: this.#model.id, images, text });
      let written = '';
      const prediction = await ask(request, {
        signal: going.signal,
        onText: (piece) => {
          written += piece;
          answer.replaceChildren(element('p', { class: 'written', text: written }));
        },
      });
      answer.replaceChildren(...this.#answerOf(prediction));
    } catch (error) {
      answer.replaceChildren(
        going.signal.aborted
          ? element('p', { class: 'muted', text: 'Stopped.' })
          : element('p', { class: 'problem', text: error.message }),
      );
    } finally {
      this.#going = undefined;
      button.textContent = 'Ask';
    }
  }

  #answerOf({ ranking, text, seconds, workerId }) {
    const took = element('p', { class: 'small muted', text: `${seconds.toFixed(2)} s on ${workerId}` });
    if (!ranking) return [element('p', { class: 'written', text: text || '(nothing)' }), took];
    const rows = ranking.slice(0, 20).map((candidate) =>
      element(
        'li',
        {},
        candidate.text === undefined
          ? element('img', {
              src: this.#files[candidate.index]?.url,
              alt: `Picture ${candidate.index + 1}`,
            })
          : element('span', { text: candidate.text, title: candidate.text }),
        element('progress', { value: candidate.probability, max: 1, 'aria-label': 'Probability' }),
        element('span', { class: 'number', text: percent(candidate.probability) }),
      ),
    );
    return [element('ol', { class: 'plain ranking' }, rows), took];
  }
}

const labelled = (text, input) => element('label', { for: input.id }, element('span', { text }), input);

function requestOf({ kind, model, images, text }) {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const one = images[0] === undefined ? {} : { image: images[0] };
  switch (kind) {
    case 'classify':
      return { kind, model, ...one, labels: lines };
    case 'match-captions':
      return { kind, model, ...one, captions: lines };
    case 'match-images':
      return { kind, model, images, text: text.trim() };
    case 'answer':
      return { kind, model, images, question: text.trim() };
    case 'chat':
      return { kind, model, messages: [{ role: 'user', text: text.trim(), images }] };
    default:
      return { kind, model, ...one };
  }
}

function dataUri(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener('load', () => resolve(reader.result));
    reader.addEventListener('error', () => reject(new Error(`${file.name} cannot be read`)));
    reader.readAsDataURL(file);
  });
}
