import { longFiles, wideFiles } from './exceptions.ts';
import { roomOf } from './rooms.ts';
import { resolve, type Tree } from './tree.ts';
import { isTest } from '../tree/source-files.ts';

const linesMax = 400;
const columnsMax = 110;

/** The packages that core may import. */
const corePackages = new Set(['typebox']);

/** Names that say nothing about what is inside. */
const emptyNames = /^(utils?|helpers?|commons?|managers?|misc|shared)$/;

export function tooLong(tree: Tree): string[] {
  return [...tree.files.values()]
    .filter(
      ({ path, lines }) => lines.length - 1 > linesMax && !longFiles.some((entry) => entry.path.test(path)),
    )
    .map(({ path, lines }) => `${path} has ${lines.length - 1} lines of at most ${linesMax}`);
}

/** Strings on one line, templates included: nobody can break them, so their contents are no width. */
const strings = /'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`/g;

function widthOf(line: string): number {
  const isComment = /^\s*(\/\/|\/?\*)/.test(line);
  return isComment || line.length <= columnsMax ? line.length : line.replaceAll(strings, "''").length;
}

export function tooWide(tree: Tree): string[] {
  const found: string[] = [];
  for (const { path, lines } of tree.files.values()) {
    if (wideFiles.some((entry) => entry.path.test(path))) continue;
    for (const [index, line] of lines.entries()) {
      if (widthOf(line) > columnsMax)
        found.push(`${path}:${index + 1} has ${line.length} columns of at most ${columnsMax}`);
    }
  }
  return found;
}

/** Folders and files named after nothing, and code files that are not kebab-case. */
export function badNames(tree: Tree): string[] {
  const found = new Set<string>();
  for (const path of tree.paths) {
    // These folders carry the names of the packages that they stand in for.
    if (path.includes('/stand-ins/')) continue;
    const parts = path.split('/');
    const file = parts.at(-1) ?? '';
    for (const part of [...parts.slice(0, -1), file.split('.')[0] ?? '']) {
      if (emptyNames.test(part)) found.add(`${path}: "${part}" names no thing`);
    }
    if (tree.files.has(path) && !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(file)) {
      found.add(`${path}: not kebab-case`);
    }
  }
  return [...found];
}

/** Core is pure: no drivers, no Node modules, and time, chance and environment only as they are passed in. */
export function impureCore(tree: Tree): string[] {
  const found: string[] = [];
  for (const file of tree.files.values()) {
    if (!roomOf(file.path).name.startsWith('core') || isTest(file.path)) continue;
    for (const { name, line } of file.globals) found.push(`${file.path}:${line} uses ${name}`);
    for (const reference of file.references) {
      const target = resolve(tree, file.path, reference);
      const isForeign = target.kind === 'package' && !corePackages.has(target.name);
      if (target.kind === 'builtin' || isForeign)
        found.push(`${file.path}:${reference.line} imports ${target.name}`);
    }
  }
  return found;
}

/** Test files that assert nothing: they call neither node:assert/strict nor a suite of the testkit. */
export function testsWithoutAssertions(tree: Tree): string[] {
  return [...tree.files.values()]
    .filter(({ path }) => isTest(path))
    .filter(({ calls, references }) => {
      const specifiers = references.map(({ specifier }) => specifier);
      const asserts = [...calls].some((name) => /^(assert|assert\..+)$/.test(name));
      const hasStrictAssert = specifiers.includes('node:assert/strict') && asserts;
      return !hasStrictAssert && !specifiers.some((specifier) => specifier.startsWith('@millrace/testkit/'));
    })
    .map(({ path }) => `${path} asserts nothing with node:assert/strict`);
}

/** Tests that leave others out (`only`), or are put off for good (`skip`, `todo`), not by a condition. */
export function narrowedTests(tree: Tree): string[] {
  const found: string[] = [];
  for (const { path, calls } of tree.files.values()) {
    if (!isTest(path)) continue;
    for (const name of calls) {
      if (/^(test|it|describe|suite)\.(only|skip|todo)$/.test(name)) found.push(`${path} calls ${name}`);
    }
  }
  return found;
}
