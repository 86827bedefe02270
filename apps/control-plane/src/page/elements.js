/** Small DOM vocabulary of the status page: elements, numbers, durations. */

/** An element with attributes (`text` is its text) and children; empty children are left out. */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (name === 'text') node.textContent = value;
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  node.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return node;
}

export const statusLabel = (status) => element('span', { class: `status ${status}`, text: status });

/** A table with a header; a column that starts with `#` holds numbers. */
export function table(columns, rows) {
  const cell = (tag) => (content, i) =>
    element(
      tag,
      { class: columns[i].startsWith('#') && 'number', scope: tag === 'th' && 'col' },
      content ?? '',
    );
  return element(
    'div',
    { class: 'scroll' },
    element(
      'table',
      {},
      element('thead', {}, element('tr', {}, columns.map((name) => name.replace('#', '')).map(cell('th')))),
      element(
        'tbody',
        {},
        rows.map((row) => element('tr', {}, row.map(cell('td')))),
      ),
    ),
  );
}

export const fixed = (value, digits = 4) => (value === undefined ? '–' : value.toFixed(digits));
export const percent = (value) => (value === undefined ? '–' : `${(100 * value).toFixed(1)} %`);
export const count = (value) => value.toLocaleString('en');

export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${(value / 2 ** (10 * power)).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

export function duration(seconds) {
  if (seconds === undefined || !Number.isFinite(seconds)) return '–';
  const whole = Math.round(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

export const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false });
