// The exceptions to the rules of this folder, each with its reason. One that nothing needs any more fails.

interface Named {
  readonly path: RegExp;
  readonly reason: string;
}

interface Crossing {
  readonly from: RegExp;
  readonly to: RegExp;
  readonly reason: string;
}

/** Where programs and libraries begin: what they do not lead to is dead. */
export const entries: readonly Named[] = [
  { path: /^scripts\/bootstrap\.mjs$/, reason: 'every npm script; it names the entry of each command' },
  { path: /^packages\/server\/bin\/millrace\.mjs$/, reason: 'the millrace command' },
  { path: /^packages\/server\/src\/index\.ts$/, reason: 'what projects import as millrace' },
  { path: /^packages\/web\/src\/main\.tsx$/, reason: 'the page; index.html loads it' },
  { path: /^packages\/web\/vite\.config\.ts$/, reason: 'the bundler loads it by its path' },
  { path: /^packages\/web\/public\/theme\.js$/, reason: 'index.html loads it before the first paint' },
  { path: /^scripts\/error-reference\.ts$/, reason: 'run by hand; its test says so' },
  { path: /^scripts\/compile-models\.ts$/, reason: 'run by hand: what `millrace compile` does' },
  {
    path: /^packages\/server\/test\/offline-session\.ts$/,
    reason: 'offline.test.ts starts it in a namespace',
  },
  {
    path: /^packages\/adapters\/src\/postgres\/capture-process\.ts$/,
    reason: 'kill-capture.engine.test.ts starts it, to kill it',
  },
  { path: /^scripts\/test\/event-reporter\.ts$/, reason: 'node --test-reporter loads it' },
];

/** Files that are loaded because of where they lie. */
export const loadedByName: readonly Named[] = [
  { path: /^examples\/[^/]+\/millrace\.config\.ts$/, reason: 'a project begins here' },
  { path: /^examples\/[^/]+\/events\/[^/]+\.ts$/, reason: 'the event contracts of a project' },
  { path: /^examples\/[^/]+\/streams\/[^/]+\.ts$/, reason: 'the topologies of a project' },
  { path: /^examples\/[^/]+\/alerts\/[^/]+\.ts$/, reason: 'the alerts of a project' },
  { path: /\/libraries\.d\.ts$/, reason: 'types of packages that have none; the compiler reads them' },
  { path: /^bench\/[^/]+\.ts$/, reason: 'bench/main.ts loads a measurement by its name' },
];

/** Imports that may enter a room beside its `index.ts`. */
export const deepImports: readonly Crossing[] = [
  {
    from: /^packages\/server\/(src\/run-project|test\/page-harness)\.ts$/,
    to: /^packages\/web\/build\.ts$/,
    reason: 'the one thing that the page offers to others, as @millrace/web/build',
  },
  {
    from: /^packages\/server\/src\/index\.ts$/,
    to: /^packages\/server\/src\/project\/definition\.ts$/,
    reason: 'what a project imports must not load what loads projects',
  },
  {
    from: /^scripts\/(compile-models|reference\/errors)\.ts$/,
    to: /^packages\/server\/src\/[a-z]+\/index\.ts$/,
    reason: "the repository's own tools read rooms that the package does not offer to users",
  },
  {
    from: /^packages\/testkit\/src\/load\/server-process\.ts$/,
    to: /^packages\/server\/(bin\/launch\.mjs|src\/main\.ts)$/,
    reason: 'the program is started as its own command starts it',
  },
  {
    from: /^scripts\/bootstrap/,
    to: /^packages\/server\/bin\/(pinned-node|launch)\.mjs$/,
    reason: 'the bootstrap runs before anything is installed, so no package name resolves yet',
  },
];

/** Imports against the direction of the rooms. */
export const againstDirection: readonly Crossing[] = [
  {
    from: /^packages\/adapters\/src\/postgres\/capture-process\.ts$/,
    to: /^packages\/adapters\/src\/disk\/index\.ts$/,
    reason: 'the process that a test kills captures into the log on the disk',
  },
  {
    from: /^packages\/testkit\/src\/load\/server-process\.ts$/,
    to: /^packages\/server\/(bin\/launch\.mjs|src\/main\.ts)$/,
    reason: 'the program is started as its own command starts it',
  },
  {
    from: /^packages\/server\/(src\/run-project|test\/page-harness)\.ts$/,
    to: /^packages\/web\/build\.ts$/,
    reason: 'the program builds the page at first start; the page itself knows nothing of it',
  },
  {
    from: /^packages\/server\/src\/wire\//,
    to: /^packages\/core\/src\/live\/reader\//,
    reason:
      'the part of live queries that runs in the page: pure, and needed with its code, not only its types',
  },
];

/** Files longer than the limit. */
export const longFiles: readonly Named[] = [
  {
    path: /^packages\/core\/src\/models\/model-refresher\.test\.ts$/,
    reason: 'one life of a refresher after the other, over one trial project',
  },
];

/** Files with lines that are wider than the limit. */
export const wideFiles: readonly Named[] = [
  {
    path: /^(packages\/(core|testkit)\/src\/models\/[^/]+|bench\/models)\.ts$/,
    reason: 'SQL statements read best in the lines that SQL has; everything else there keeps to the limit',
  },
  {
    path: /^packages\/server\/src\/init\/[^/]+\.ts$/,
    reason: 'the texts of the files that a new project gets stand as they will be written',
  },
];
