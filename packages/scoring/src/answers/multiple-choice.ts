/** The letter that an answer chooses, as LLaVA's eval_science_qa.py finds it. */

const LETTERS = ['A', 'B', 'C', 'D', 'E'];
const SENTENCE = /The answer is ([A-Z])[^\n]/g;

/**
 * The index of the choice: the answer is a letter, begins with one and ". ", or says "The answer is X." exactly once (any
 * character for the period). Undefined where it says nothing of this kind, or a letter beyond the choices.
 */
export function chosenIndex(answer: string, choices: number): number | undefined {
  const index = LETTERS.slice(0, choices).indexOf(letterIn(answer) ?? '');
  return index < 0 ? undefined : index;
}

function letterIn(answer: string): string | undefined {
  if (LETTERS.includes(answer)) return answer;
  if (answer.length >= 3 && LETTERS.includes(answer[0]!) && answer.slice(1, 3) === '. ') return answer[0];
  const found = [...answer.matchAll(SENTENCE)];
  return found.length === 1 ? found[0]![1] : undefined;
}
