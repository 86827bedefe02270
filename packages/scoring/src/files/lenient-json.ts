/**
 * JSON as Python's `json.load` reads it, which wrote most result files: NaN and Infinity are numbers, whole numbers of any size keep
 * all digits. A byte order mark is passed over. A file of one JSON value a line becomes a list.
 */

/** Strings, so that what stands inside them is left alone, and what JSON does not have. */
const FOREIGN = /"(?:[^"\\]|\\.)*"|-?\bInfinity\b|\bNaN\b|(?<![\d.eE+-])-?\d{16,}(?![\d.eE])/g;

/** @throws SyntaxError with the line, where it is neither. */
export function parseLenient(text: string): unknown {
  const content = text.startsWith('\uFEFF') ? text.slice(1) : text;
  try {
    return parseValue(content);
  } catch (error) {
    const lines = content.split('\n').map((line) => line.trim());
    const first = lines.find((line) => line !== '');
    // One value that is cut or broken is no list of lines.
    if (first === undefined || !isValue(first) || lines.filter((line) => line !== '').length < 2) throw error;
    return lines.flatMap((line, i) => {
      if (line === '') return [];
      try {
        return [parseValue(line)];
      } catch (cause) {
        throw new SyntaxError(`line ${i + 1}: ${(cause as Error).message}`, { cause });
      }
    });
  }
}

function parseValue(text: string): unknown {
  if (!/NaN|Infinity|\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(
    text.replace(FOREIGN, (found) => {
      if (found.startsWith('"')) return found;
      // An id that a number cannot hold is its digits; what is no number at all is nothing that could be scored.
      return /\d/.test(found) ? `"${found}"` : 'null';
    }),
  );
}

function isValue(text: string): boolean {
  try {
    parseValue(text);
    return true;
  } catch {
    return false;
  }
}
