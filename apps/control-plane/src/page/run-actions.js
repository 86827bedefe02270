/** What can be done with the selected run: ask for its end, or submit it again. What went wrong is said beside the buttons. */
import { element } from './elements.js';
import { post } from './requests.js';

const over = new Set(['SUCCEEDED', 'FAILED', 'CANCELLED']);

export const isOver = ({ status }) => over.has(status);

/** The buttons for a run as it is now, made once for each run that is selected; `changed` is called when one has had effect. */
export function runActions(id, changed) {
  const answer = element('span', { class: 'small muted', role: 'status' });
  const act = (button, work) =>
    button.addEventListener('click', async () => {
      button.disabled = true;
      answer.textContent = '';
      try {
        answer.textContent = await work();
        changed();
      } catch (error) {
        answer.textContent = error.message;
      }
      button.disabled = false;
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
  return (run) => {
    spec = run.spec;
    return [element('div', { class: 'row actions' }, isOver(run) ? again : cancel, answer)];
  };
}

/** A spec as it can be submitted: names are given once, and one dataset is told in one way. */
function requestOf({ name: _, datasets, dataset, ...spec }) {
  return { ...spec, ...(datasets ? { datasets } : { dataset }) };
}
