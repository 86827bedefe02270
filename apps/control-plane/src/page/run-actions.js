/** What can be done with the selected run: ask for its end, or submit it again, or delete it. What went wrong is said beside the buttons. */
import { element } from './elements.js';
import { post, remove } from './requests.js';

const over = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED']);

export const isOver = ({ status }) => over.has(status);

/**
 * The buttons for a run as it is now, made once for each run that is selected; `changed` is called when one has had effect,
 * `gone` when there is no such run any more.
 */
export function runActions(id, { changed, gone }) {
  const answer = element('span', { class: 'small muted', role: 'status' });
  const act = (button, work) =>
    button.addEventListener('click', async () => {
      button.disabled = true;
      answer.textContent = '';
      try {
        const done = await work();
        if (done === undefined) return;
        answer.textContent = done;
        changed();
      } catch (error) {
        answer.textContent = error.message;
      } finally {
        button.disabled = false;
      }
    });
  const cancel = element('button', { type: 'button', text: 'Cancel' });
  act(cancel, async () => {
    const run = await post(`/v1/runs/${encodeURIComponent(id)}/cancel`);
    return run.status === 'CANCELLED' ? 'Cancelled' : 'Asked for its end';
  });
  const again = element('button', { type: 'button', text: 'Submit again' });
  let spec;
  act(again, async () => {
    const run = await post('/v1/runs', requestOf(spec));
    location.hash = run.id;
    return 'Submitted';
  });
  let name = id;
  const erase = element('button', { type: 'button', text: 'Delete' });
  act(erase, async () => {
    const kept = 'Its events, step metrics, scores and checkpoints go; the model that it trained stays.';
    if (!confirm(`Delete the run ${name}? ${kept}`)) return undefined;
    await remove(`/v1/runs/${encodeURIComponent(id)}`);
    return gone();
  });
  return (run) => {
    spec = run.spec;
    name = run.name ?? id;
    const buttons = isOver(run) ? [again, erase] : [cancel];
    return [element('div', { class: 'row actions' }, buttons, answer)];
  };
}

/** A spec as it can be submitted: names are given once, and one dataset is told in one way. */
function requestOf({ name: _, datasets, dataset, ...spec }) {
  return { ...spec, ...(datasets ? { datasets } : { dataset }) };
}
