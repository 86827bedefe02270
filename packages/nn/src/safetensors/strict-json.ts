/**
 * JSON (RFC 8259) without leniency: a key that stands twice in one object, a lone surrogate and a number that is no whole one
 * from 0 to 2^53 - 1 are errors. `JSON.parse` keeps the last of two keys and rounds large numbers without a word.
 */

export type StrictJson = string | number | boolean | null | readonly StrictJson[] | StrictObject;
export type StrictObject = ReadonlyMap<string, StrictJson>;

/** As serde_json's, which reads these headers elsewhere. */
const MAX_DEPTH = 127;

/** Objects become maps in the order of the text. @throws SyntaxError that says what is wrong and where. */
export function parseStrictJson(text: string): StrictJson {
  return new Scanner(text).document();
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): StrictJson {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail('nothing after the end');
    return value;
  }

  #value(depth: number): StrictJson {
    if (depth > MAX_DEPTH) this.#fail('less nesting');
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      default:
        return this.#scalar();
    }
  }

  #object(depth: number): StrictObject {
    const entries = new Map<string, StrictJson>();
    this.#list('}', () => {
      const key = this.#string();
      if (entries.has(key)) this.#fail(`each key once, and ${JSON.stringify(key)} stands twice`);
      this.#space();
      this.#take(':');
      entries.set(key, this.#value(depth + 1));
    });
    return entries;
  }

  #array(depth: number): StrictJson[] {
    const values: StrictJson[] = [];
    this.#list(']', () => values.push(this.#value(depth + 1)));
    return values;
  }

  #list(close: string, element: () => void): void {
    this.#at += 1;
    this.#space();
    if (this.#text[this.#at] !== close)
      for (;;) {
        this.#space();
        element();
        this.#space();
        if (this.#text[this.#at] !== ',') break;
        this.#at += 1;
      }
    this.#take(close);
  }

  /** The native parser checks escapes and control characters; here only the end is found. */
  #string(): string {
    const start = this.#at;
    if (this.#text[start] !== '"') this.#fail('a string');
    do {
      this.#at = this.#text.indexOf('"', this.#at + 1);
      if (this.#at < 0) {
        this.#at = start;
        this.#fail('an end of the string');
      }
    } while (this.#isEscaped(this.#at));
    this.#at += 1;
    let value: string;
    try {
      value = JSON.parse(this.#text.slice(start, this.#at));
    } catch {
      return this.#fail('a string with valid escapes and no control characters');
    }
    if (/\p{Surrogate}/u.test(value)) this.#fail('a string without lone surrogates');
    return value;
  }

  /** Whether an odd number of backslashes stands before it. */
  #isEscaped(at: number): boolean {
    let before = at - 1;
    while (this.#text[before] === '\\') before -= 1;
    return (at - before) % 2 === 0;
  }

  #scalar(): StrictJson {
    const [word] = this.#match(/[-+.\w]+/y) ?? this.#fail('a value');
    if (word === 'true' || word === 'false') return word === 'true';
    if (word === 'null') return null;
    const whole = /^(0|[1-9]\d*)$/.test(word) ? Number(word) : Number.NaN;
    return Number.isSafeInteger(whole) ? whole : this.#fail(`a whole number below 2^53 instead of "${word}"`);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }

  #space(): void {
    this.#match(/[ \t\n\r]*/y);
  }

  #take(character: string): void {
    if (this.#text[this.#at] !== character) this.#fail(`"${character}"`);
    this.#at += 1;
  }

  #fail(expected: string): never {
    throw new SyntaxError(`at character ${this.#at}: expected ${expected}`);
  }
}
