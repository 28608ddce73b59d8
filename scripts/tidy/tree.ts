import { readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { isCode, listFiles } from '../tree/source-files.ts';
import { type Reference, readSource, type SourceFile } from './source.ts';

/** What a reference leads to. */
export type Target =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'builtin' | 'package' | 'missing' | 'nothing'; readonly name: string };

/** Every code file of the repository and who refers to whom. */
export interface Tree {
  readonly files: ReadonlyMap<string, SourceFile>;
  /** Paths of all files, those without code included. */
  readonly paths: readonly string[];
}

export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly kind: Reference['kind'];
  readonly specifier: string;
  readonly line: number;
}

/** Reads the repository at `root`. */
export function readTree(root: string): Tree {
  const paths = listFiles(root);
  return treeOf(paths.map((path) => [path, isCode(path) ? readFileSync(join(root, path), 'utf8') : '']));
}

/** A tree of paths and texts. */
export function treeOf(entries: readonly (readonly [path: string, text: string])[]): Tree {
  const code = entries.filter(([path]) => isCode(path));
  return {
    files: new Map(code.map(([path, text]) => [path, readSource(path, text)])),
    paths: entries.map(([path]) => path),
  };
}

/** What the packages export, as their `exports` say it. */
const packageEntry: readonly (readonly [pattern: RegExp, path: string])[] = [
  [/^millrace$/, 'packages/server/src/index.ts'],
  [/^millrace\/launch$/, 'packages/server/bin/launch.mjs'],
  [/^millrace\/main$/, 'packages/server/src/main.ts'],
  [/^millrace\/wire$/, 'packages/server/src/wire/index.ts'],
  [/^@millrace\/web\/build$/, 'packages/web/build.ts'],
  [/^@millrace\/(core|adapters|testkit)\/(.+)$/, 'packages/$1/src/$2/index.ts'],
];

/** Finds what a reference of a file means, by the same rules as Node and our `exports`. */
export function resolve(tree: Tree, from: string, reference: Reference): Target {
  const { specifier, kind } = reference;
  if (kind === 'name') {
    const candidates = [posix.join(dirname(from), specifier), posix.normalize(specifier)];
    const path = candidates.find((candidate) => tree.files.has(candidate));
    return path === undefined ? { kind: 'nothing', name: specifier } : { kind: 'file', path };
  }
  if (specifier.startsWith('.'))
    return fileOr(tree, posix.join(dirname(from), specifier.split('?')[0] ?? ''));
  if (specifier.startsWith('node:')) return { kind: 'builtin', name: specifier };
  for (const [pattern, path] of packageEntry) {
    if (pattern.test(specifier)) return fileOr(tree, specifier.replace(pattern, path));
  }
  if (specifier.startsWith('@millrace/') || specifier.startsWith('millrace/')) {
    return { kind: 'missing', name: specifier };
  }
  const [scope = '', name = ''] = specifier.split('/');
  return { kind: 'package', name: scope.startsWith('@') ? `${scope}/${name}` : scope };
}

function fileOr(tree: Tree, path: string): Target {
  if (tree.files.has(path)) return { kind: 'file', path };
  return tree.paths.includes(path) ? { kind: 'nothing', name: path } : { kind: 'missing', name: path };
}

/** Every reference from one code file to another. */
export function edgesOf(tree: Tree): Edge[] {
  const edges: Edge[] = [];
  for (const file of tree.files.values()) {
    for (const reference of file.references) {
      const target = resolve(tree, file.path, reference);
      if (target.kind === 'file' && target.path !== file.path) {
        edges.push({ from: file.path, to: target.path, ...reference });
      }
    }
  }
  return edges;
}

/** The files that can be reached from the given ones. */
export function reachable(edges: readonly Edge[], starts: readonly string[]): Set<string> {
  const next = Map.groupBy(edges, ({ from }) => from);
  const seen = new Set(starts);
  const waiting = [...starts];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    for (const { to } of next.get(path) ?? []) {
      if (!seen.has(to)) {
        seen.add(to);
        waiting.push(to);
      }
    }
  }
  return seen;
}

/** One cycle for each group of files that reach each other, as the paths on it. */
export function cyclesOf(edges: readonly Edge[]): string[][] {
  const next = Map.groupBy(edges, ({ from }) => from);
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[][] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    state.set(path, 'open');
    for (const { to } of next.get(path) ?? []) {
      if (state.get(to) === 'open') cycles.push([...trail.slice(trail.indexOf(to)), to]);
      else if (!state.has(to)) visit(to, [...trail, to]);
    }
    state.set(path, 'done');
  };
  for (const path of next.keys()) if (!state.has(path)) visit(path, [path]);
  return cycles;
}
