import { parseSync, type Program } from 'oxc-parser';

/**
 * How a file refers to another:
 * - `value`: an import or re-export that exists at run time;
 * - `type`: one that TypeScript erases;
 * - `url`: `new URL('./worker.ts', import.meta.url)`;
 * - `name`: a string that holds a file's path, which somebody may run or load by it.
 */
export type ReferenceKind = 'value' | 'type' | 'url' | 'name';

export interface Reference {
  readonly kind: ReferenceKind;
  readonly specifier: string;
  readonly line: number;
}

/** One use of something that a rule may forbid, such as `Math.random`, `setTimeout` or `new Date()`. */
export interface GlobalUse {
  readonly name: string;
  readonly line: number;
}

/** A file of code, read once for all rules. */
export interface SourceFile {
  readonly path: string;
  readonly lines: readonly string[];
  readonly references: readonly Reference[];
  readonly globals: readonly GlobalUse[];
  /** Names of everything that is called, such as `assert.equal`. */
  readonly calls: ReadonlySet<string>;
}

/** The part of a syntax tree that the rules look at; every other property may hold further nodes. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly [property: string]: unknown;
}

/** Reads a file's syntax tree. Throws when the text cannot be parsed. */
export function readSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text);
  const [error] = parsed.errors;
  if (error !== undefined) throw new Error(`${path}: ${error.message}`);
  const lineStarts = findLineStarts(text);
  const lineOf = (offset: number): number => countUpTo(lineStarts, offset);
  const references: Reference[] = [];
  const add = (kind: ReferenceKind, specifier: string, offset: number): void => {
    references.push({ kind, specifier, line: lineOf(offset) });
  };
  for (const { moduleRequest, entries } of parsed.module.staticImports) {
    const isType = entries.length > 0 && entries.every((entry) => entry.isType);
    add(isType ? 'type' : 'value', moduleRequest.value, moduleRequest.start);
  }
  for (const { entries } of parsed.module.staticExports) {
    for (const { moduleRequest, isType } of entries) {
      if (moduleRequest) add(isType ? 'type' : 'value', moduleRequest.value, moduleRequest.start);
    }
  }
  const globals: GlobalUse[] = [];
  const calls = new Set<string>();
  for (const node of nodesOf(parsed.program)) {
    const referred = referenceOf(node);
    if (referred) add(referred.kind, referred.specifier, node.start);
    const called = node.type === 'CallExpression' ? dottedName(node['callee']) : undefined;
    if (called !== undefined) calls.add(called);
    const used = globalOf(node);
    if (used !== undefined) globals.push({ name: used, line: lineOf(node.start) });
  }
  return { path, lines: text.split('\n'), references: dropRepeats(references), globals, calls };
}

function findLineStarts(text: string): number[] {
  const starts = [0];
  for (let index = text.indexOf('\n'); index >= 0; index = text.indexOf('\n', index + 1))
    starts.push(index + 1);
  return starts;
}

function countUpTo(sorted: readonly number[], limit: number): number {
  let count = 0;
  while (count < sorted.length && (sorted[count] ?? 0) <= limit) count++;
  return count;
}

/** A path that is imported need not count a second time as a string that names it. */
function dropRepeats(references: readonly Reference[]): Reference[] {
  const imported = new Set(
    references.filter(({ kind }) => kind !== 'name').map(({ specifier }) => specifier),
  );
  return references.filter(({ kind, specifier }) => kind !== 'name' || !imported.has(specifier));
}

function* nodesOf(program: Program): Generator<Node> {
  const waiting: unknown[] = [program];
  while (waiting.length > 0) {
    const item = waiting.pop();
    if (Array.isArray(item)) waiting.push(...(item as unknown[]));
    else if (typeof item === 'object' && item !== null) {
      const node = item as Node;
      if (typeof node.type === 'string') yield node;
      waiting.push(...Object.values(node));
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  return node.type === 'Literal' && typeof node['value'] === 'string' ? node['value'] : undefined;
}

/** `a.b.c` for a chain of plain names, else undefined. */
function dottedName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === 'Identifier') return node['name'] as string;
  if (node.type === 'MetaProperty') return 'import.meta';
  if (node.type !== 'MemberExpression') return undefined;
  const object = dottedName(node['object']);
  const property = node['computed'] === true ? textOf(node['property']) : dottedName(node['property']);
  return object === undefined || property === undefined ? undefined : `${object}.${property}`;
}

function referenceOf(node: Node): Pick<Reference, 'kind' | 'specifier'> | undefined {
  const first: unknown = Array.isArray(node['arguments']) ? node['arguments'][0] : undefined;
  if (node.type === 'ImportExpression') {
    const specifier = textOf(node['source']);
    return specifier === undefined ? undefined : { kind: 'value', specifier };
  }
  if (node.type === 'TSImportType') {
    const specifier = textOf(node['source'] ?? node['argument']);
    return specifier === undefined ? undefined : { kind: 'type', specifier };
  }
  if (node.type === 'NewExpression' && dottedName(node['callee']) === 'URL') {
    const base = (node['arguments'] as unknown[])[1];
    const specifier = textOf(first);
    const isHere = dottedName(base) === 'import.meta.url';
    return specifier === undefined || !isHere ? undefined : { kind: 'url', specifier };
  }
  const text = textOf(node);
  return text !== undefined && /\.(ts|tsx|mjs|js)$/.test(text)
    ? { kind: 'name', specifier: text }
    : undefined;
}

/** Time, chance and the machine's state, in the ways in which code reaches for them. */
const watchedMembers = new Set(['Math.random', 'Date.now', 'performance.now', 'process.env']);
const watchedCalls = new Set(['setTimeout', 'setInterval', 'setImmediate', 'fetch']);

function globalOf(node: Node): string | undefined {
  if (node.type === 'MemberExpression') {
    const name = dottedName(node)?.replace(/^globalThis\./, '');
    return name !== undefined && watchedMembers.has(name) ? name : undefined;
  }
  if (node.type === 'CallExpression') {
    const name = dottedName(node['callee'])?.replace(/^globalThis\./, '');
    return name !== undefined && watchedCalls.has(name) ? name : undefined;
  }
  const isBareDate = node.type === 'NewExpression' && dottedName(node['callee']) === 'Date';
  return isBareDate && (node['arguments'] as unknown[]).length === 0 ? 'new Date()' : undefined;
}
