import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Scalar } from 'yaml';
import type { DashboardProblem } from '../wire/index.ts';

/** A YAML file under examination: values know where they stand, and problems are collected, not thrown. */
export class YamlFile {
  readonly root: YamlValue;
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly #problems: DashboardProblem[] = [];

  constructor(file: string, text: string) {
    this.#file = file;
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    for (const { message, pos } of document.errors) this.add(pos[0], message.trim());
    this.root = new YamlValue(this, document.contents, { name: 'The file', offset: 0 });
  }

  /** In the order of the file. */
  get problems(): readonly DashboardProblem[] {
    return this.#problems.toSorted((one, other) => one.line - other.line || one.column - other.column);
  }

  add(offset: number, message: string): void {
    const { line, col } = this.#lines.linePos(offset);
    this.#problems.push({ file: this.#file, line: Math.max(1, line), column: Math.max(1, col), message });
  }
}

export interface NumberBounds {
  readonly min: number;
  readonly max: number;
}

/** One value of the file. Each reading method returns undefined after it has added a problem. */
export class YamlValue {
  readonly #file: YamlFile;
  readonly #node: Node | null;
  readonly #name: string;
  readonly #offset: number;

  constructor(file: YamlFile, node: Node | null, place: { name: string; offset: number }) {
    this.#file = file;
    this.#node = node;
    this.#name = place.name;
    this.#offset = node?.range?.[0] ?? place.offset;
  }

  problem(message: string): undefined {
    this.#file.add(this.#offset, message);
    return undefined;
  }

  text(): string | undefined {
    const value = this.#scalar();
    if (typeof value === 'string' && value.trim() !== '') return value;
    return this.problem(`${this.#name} must be a text.`);
  }

  number({ min, max }: NumberBounds): number | undefined {
    const value = this.#scalar();
    if (typeof value === 'number' && value >= min && value <= max) return value;
    return this.problem(`${this.#name} must be a number from ${min} to ${max}.`);
  }

  oneOf<Choice extends string>(choices: readonly Choice[]): Choice | undefined {
    const value = this.#scalar();
    const choice = choices.find((candidate) => candidate === value);
    if (choice !== undefined) return choice;
    const meant = typeof value === 'string' ? nearest(value, choices) : undefined;
    const hint = meant === undefined ? `one of ${choices.join(', ')}` : `\`${meant}\``;
    return this.problem(`${this.#name} is \`${String(value)}\`; use ${hint}.`);
  }

  list(): YamlValue[] | undefined {
    const node = this.#node;
    if (!isSeq(node)) return this.problem(`${this.#name} must be a list (lines that begin with \`- \`).`);
    return node.items.map((item, index) => {
      const place = { name: `${this.#name}, item ${index + 1}`, offset: this.#offset };
      return new YamlValue(this.#file, item as Node | null, place);
    });
  }

  /** The fields of a mapping; those that are not `known` are problems of their own. */
  fields<Name extends string>(known: readonly Name[]): YamlFields<Name> | undefined {
    const node = this.#node;
    if (!isMap(node)) return this.problem(`${this.#name} must be a mapping (lines of \`name: value\`).`);
    const values = new Map<string, YamlValue>();
    for (const { key, value } of node.items) {
      const name = String((key as Scalar).value);
      const offset = (key as Node).range?.[0] ?? this.#offset;
      values.set(name, new YamlValue(this.#file, value as Node | null, { name: `\`${name}\``, offset }));
      if (known.some((candidate) => candidate === name)) continue;
      const meant = nearest(name, known);
      const hint = meant === undefined ? `It may have: ${known.join(', ')}.` : `Did you mean \`${meant}\`?`;
      this.#file.add(offset, `\`${name}\` is no field of ${lowerFirst(this.#name)}. ${hint}`);
    }
    return { get: (name) => values.get(name), problem: (message) => this.problem(message) };
  }

  get isText(): boolean {
    return typeof this.#scalar() === 'string';
  }

  get isMapping(): boolean {
    return isMap(this.#node);
  }

  /** As plain data, whatever it is. */
  plain(): unknown {
    const json: unknown = this.#node?.toJSON();
    return json;
  }

  #scalar(): unknown {
    return isScalar(this.#node) ? this.#node.value : undefined;
  }
}

export interface YamlFields<Name extends string> {
  get(name: Name): YamlValue | undefined;
  problem(message: string): undefined;
}

/** The choice that is one or two slips away, if there is one. */
function nearest<Choice extends string>(text: string, choices: readonly Choice[]): Choice | undefined {
  const slipsMax = text.length <= 4 ? 1 : 2;
  let best: Choice | undefined;
  let bestSlips = slipsMax + 1;
  for (const choice of choices) {
    const slips = editDistance(text, choice);
    if (slips < bestSlips) [best, bestSlips] = [choice, slips];
  }
  return best;
}

function editDistance(one: string, other: string): number {
  let previous = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const current = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = (previous[j - 1] as number) + (one[i - 1] === other[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] as number) + 1, (current[j - 1] as number) + 1));
    }
    previous = current;
  }
  return previous[other.length] as number;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
