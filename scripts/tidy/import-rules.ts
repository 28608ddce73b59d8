import { againstDirection, deepImports, entries, loadedByName } from './exceptions.ts';
import { mayImport, roomOf } from './rooms.ts';
import { cyclesOf, type Edge, edgesOf, reachable, resolve, type Tree } from './tree.ts';
import { isTest } from '../tree/source-files.ts';

/** Imports that lead nowhere. */
export function missingTargets(tree: Tree): string[] {
  const found: string[] = [];
  for (const file of tree.files.values()) {
    for (const reference of file.references) {
      const target = resolve(tree, file.path, reference);
      if (target.kind === 'missing')
        found.push(`${file.path}:${reference.line} ${reference.specifier} is no file`);
    }
  }
  return found;
}

function crossings(tree: Tree): Edge[] {
  return edgesOf(tree).filter(
    ({ from, to, kind }) => kind !== 'name' && roomOf(from).name !== roomOf(to).name,
  );
}

/** Imports against the direction of the rooms. */
export function wrongDirections(tree: Tree): string[] {
  return crossings(tree)
    .filter(({ from, to }) => !againstDirection.some((entry) => entry.from.test(from) && entry.to.test(to)))
    .filter(({ from, to, kind }) => {
      const crossing = { from: roomOf(from).name, to: roomOf(to).name };
      return !mayImport({
        ...crossing,
        isTest: isTest(from) || isBesideTests(from),
        isType: kind === 'type',
      });
    })
    .map(
      ({ from, to, line }) =>
        `${from}:${line} ${roomOf(from).name} must not import ${roomOf(to).name} (${to})`,
    );
}

/** Imports that enter another room beside its `index.ts`, or reach another package by a path. */
export function deepCrossings(tree: Tree): string[] {
  const found: string[] = [];
  for (const { from, to, line, specifier } of crossings(tree)) {
    const room = roomOf(to);
    const isException = deepImports.some((entry) => entry.from.test(from) && entry.to.test(to));
    if (isException) continue;
    // The files directly in the server's `src` put the program together: they are no room to enter.
    // By its package's name a room can offer a part of itself, such as `@millrace/core/live/reader`.
    const isNamedPart = !specifier.startsWith('.') && to.endsWith('/index.ts');
    const isIndex = to === `${room.folder}index.ts` || room.name === 'server' || isNamedPart;
    if (!isIndex) found.push(`${from}:${line} enters ${room.name} beside its index.ts (${to})`);
    else if (packageOf(from) !== packageOf(to) && specifier.startsWith('.')) {
      found.push(`${from}:${line} reaches another package by a path (${specifier}): import it by name`);
    }
  }
  return found;
}

function packageOf(path: string): string {
  return path.startsWith('packages/') ? path.split('/').slice(0, 2).join('/') : (path.split('/')[0] ?? '');
}

/** Files that import each other in a circle; types count, since a reader goes the same way. */
export function importCycles(tree: Tree): string[] {
  const imports = edgesOf(tree).filter(({ kind }) => kind === 'value' || kind === 'type');
  return cyclesOf(imports).map((path) => path.join(' → '));
}

/** Files that neither an entry nor a test leads to, and product code that only tests use. */
export function deadFiles(tree: Tree): string[] {
  const edges = edgesOf(tree);
  const paths = [...tree.files.keys()];
  const tests = paths.filter((path) => isTest(path));
  const starts = paths.filter((path) => entries.some((entry) => entry.path.test(path)));
  const starters = loadedByName.flatMap(({ path }) => paths.filter((candidate) => path.test(candidate)));
  const used = reachable(
    edges.filter(({ from }) => !isTest(from)),
    [...starts, ...starters],
  );
  const tested = reachable(edges, tests);
  return paths
    .filter((path) => !isTest(path) && !used.has(path))
    .filter((path) => !(isForTests(path) && tested.has(path)))
    .map((path) => (tested.has(path) ? `${path} is used by tests only` : `${path} is used by nothing`));
}

/** The testkit, the parts of our own tools, and what lies in a folder of tests exist for tests. */
function isForTests(path: string): boolean {
  return path.startsWith('packages/testkit/') || path.startsWith('scripts/') || isBesideTests(path);
}

function isBesideTests(path: string): boolean {
  return /^packages\/[^/]+\/test\//.test(path);
}

/** Entries of the exception tables that match no file any more. */
export function staleExceptions(tree: Tree): string[] {
  const paths = [...tree.files.keys()];
  const edges = edgesOf(tree);
  const stale = [...entries, ...loadedByName].filter(
    ({ path }) => !paths.some((candidate) => path.test(candidate)),
  );
  const unused = [...deepImports, ...againstDirection].filter(
    (entry) => !edges.some(({ from, to }) => entry.from.test(from) && entry.to.test(to)),
  );
  return [
    ...stale.map(({ path }) => `entry ${path}`),
    ...unused.map(({ from, to }) => `import from ${from} to ${to}`),
  ];
}
