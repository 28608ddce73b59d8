import { sourcesError } from './errors.ts';

/** What an array literal holds: texts, nulls, and arrays where it has several dimensions. */
export type ArrayItem = string | null | readonly ArrayItem[];

/** Reads an array of the server, such as `{1,NULL,"a b"}` or `[0:1]={{1,2},{3,4}}`. */
export function parseArray(text: string, delimiter = ','): readonly ArrayItem[] {
  const start = text.startsWith('[') ? text.indexOf('=') + 1 : 0;
  const parser = new ArrayParser(text, start, delimiter);
  return parser.array();
}

class ArrayParser {
  readonly #text: string;
  readonly #delimiter: string;
  #at: number;

  constructor(text: string, at: number, delimiter: string) {
    this.#text = text;
    this.#at = at;
    this.#delimiter = delimiter;
  }

  array(): ArrayItem[] {
    const items: ArrayItem[] = [];
    if (this.#text[this.#at++] !== '{') throw bad();
    if (this.#text[this.#at] === '}') {
      this.#at++;
      return items;
    }
    for (;;) {
      items.push(this.#item());
      const next = this.#text[this.#at++];
      if (next === '}') return items;
      if (next !== this.#delimiter) throw bad();
    }
  }

  #item(): ArrayItem {
    const first = this.#text[this.#at];
    if (first === '{') return this.array();
    if (first === '"') return this.#quoted();
    const start = this.#at;
    while (this.#at < this.#text.length && !this.#isEnd()) this.#at++;
    const word = this.#text.slice(start, this.#at);
    return word === 'NULL' ? null : word;
  }

  #isEnd(): boolean {
    const character = this.#text[this.#at];
    return character === this.#delimiter || character === '}';
  }

  #quoted(): string {
    let word = '';
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === '"') {
        this.#at++;
        return word;
      }
      word += character === '\\' ? this.#text[++this.#at] : character;
    }
    throw bad();
  }
}

function bad(): Error {
  return sourcesError('SOURCES_BAD_VALUE', { details: { type: 'array' } });
}
