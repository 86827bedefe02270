/** Short renderings of values for messages. Cost and depth are bounded by the length of the rendering, not by the value. */

const LONGEST = 80;

/** JSON, cut after 80 characters; of anything: as deep and as large as it may be. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = render(value, LONGEST);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 3)}...` : text;
}

/** At least the first `room` characters of the JSON. Every level opens with a character, so `room` bounds the recursion. */
function render(value: unknown, room: number): string {
  if (room <= 0) return '…';
  if (typeof value === 'string') return JSON.stringify(value.slice(0, room + 1));
  if (typeof value !== 'object' || value === null) return String(value);
  const isArray = Array.isArray(value);
  let text = isArray ? '[' : '{';
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    if (text.length > 1) text += ',';
    if (text.length >= room) break;
    if (!isArray) text += `${JSON.stringify(key.slice(0, room))}:`;
    text += render((value as Record<string, unknown>)[key], room - text.length);
  }
  return `${text}${isArray ? ']' : '}'}`;
}
