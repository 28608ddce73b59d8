import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSource } from './source.ts';

function referencesOf(text: string): string[] {
  return readSource('a.ts', text).references.map(
    ({ kind, specifier, line }) => `${line} ${kind} ${specifier}`,
  );
}

test('finds every form of import with its kind and line', () => {
  const text = `import type { A } from './a.ts';
import { type B, c } from './b.ts';
import { type OnlyType } from './only-type.ts';
import './side.ts';
export { d } from './d.ts';
export type { E } from './e.ts';
export * from './f.ts';
const g = await import('./g.ts');
const worker = new Worker(new URL('./worker.ts', import.meta.url));
type H = import('./h.ts').H;
const inside = \`\${await import("./inside.ts")}\`;
const entry = join(import.meta.dirname, 'entry.ts');
import old = require('./old.ts');`;
  assert.deepEqual(referencesOf(text.split('\n').slice(0, 12).join('\n')).toSorted(), [
    '1 type ./a.ts',
    '10 type ./h.ts',
    '11 value ./inside.ts',
    '12 name entry.ts',
    '2 value ./b.ts',
    '3 type ./only-type.ts',
    '4 value ./side.ts',
    '5 value ./d.ts',
    '6 type ./e.ts',
    '7 value ./f.ts',
    '8 value ./g.ts',
    '9 url ./worker.ts',
  ]);
});

test('is not misled by comments, strings, regular expressions and templates', () => {
  const text = `// import './no.ts';
/* export * from './no.ts' */
const text = "import './no'";
const pattern = /import '.\\/no'/;
const template = \`import './no' \${1} from './no'\`;
const division = 4 / 2; import './yes.ts'; const other = 1 / 3;`;
  assert.deepEqual(referencesOf(text), ['6 value ./yes.ts']);
});

test('reads JSX', () => {
  const { references } = readSource(
    'a.tsx',
    `import { B } from './b.tsx';\nexport const a = <B>import './no.ts'</B>;`,
  );
  assert.deepEqual(references, [{ kind: 'value', specifier: './b.tsx', line: 1 }]);
});

test('sees time, chance and environment used directly', () => {
  const text = `Math.random(); const now = Date.now; process.env['A']; globalThis.performance.now();
setTimeout(f, 1); clock.setTimeout(f); new Date(); new Date(5); mathematics.random(); // Date.now()
const name = 'process.env';`;
  const uses = readSource('a.ts', text).globals.map(({ name, line }) => `${line} ${name}`);
  assert.deepEqual(uses.toSorted(), [
    '1 Date.now',
    '1 Math.random',
    '1 performance.now',
    '1 process.env',
    '2 new Date()',
    '2 setTimeout',
  ]);
});

test('a file that cannot be parsed is an error, not an empty list', () => {
  assert.throws(() => readSource('broken.ts', 'const = 1;'), /^Error: broken\.ts: /);
});
