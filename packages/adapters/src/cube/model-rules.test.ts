import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCompiledCubes, checkModelFiles, type CompiledCube } from './model-rules.ts';

test('files that need the native addon are refused with file, line and construct', () => {
  const refused: [string, string, RegExp][] = [
    ['a.yml', 'cubes:\n  - name: a\n    sql_table: "{{ env }}.a"', /^a\.yml:3: a Jinja expression/],
    ['b/b.yaml', '{% set x = 1 %}\ncubes: []', /^b\/b\.yaml:1: a Jinja expression/],
    ['c.jinja', 'cubes: []', /^c\.jinja: a Jinja template/],
    ['globals.py', 'x = 1', /^globals\.py: a Python model/],
  ];
  for (const [fileName, content, message] of refused) {
    assert.throws(() => checkModelFiles([{ fileName, content }]), {
      code: 'CUBE_MODEL_UNSUPPORTED',
      message,
    });
  }
  checkModelFiles([
    { fileName: 'a.yml', content: 'cubes:\n  - name: a\n    sql: "select {CUBE}.x, { y: 1 } from t"' },
    { fileName: 'a.js', content: 'cube(`a`, { sql: `select ${`{{`}` })' },
  ]);
});

const cube = (name: string, more: Partial<CompiledCube> = {}): CompiledCube => ({
  name,
  fileName: `${name}.yml`,
  accessPolicy: [],
  preAggregations: {},
  ...more,
});

test('pre-aggregations are refused: there is no Cube Store', () => {
  assert.throws(() => checkCompiledCubes([cube('a'), cube('b', { preAggregations: { main: {} } })]), {
    code: 'CUBE_MODEL_UNSUPPORTED',
    message: /^b\.yml: pre-aggregation `main` of cube `b`/,
  });
});

test('a view over a guarded cube must be guarded itself', () => {
  const guarded = cube('a', { accessPolicy: [{ group: '*' }] });
  const view = (more: Partial<CompiledCube>) =>
    cube('v', { isView: true, includedMembers: [{ memberPath: 'b.x' }, { memberPath: 'a.count' }], ...more });
  assert.throws(() => checkCompiledCubes([view({}), guarded, cube('b')]), {
    code: 'CUBE_MODEL_UNGUARDED',
    message: /view `v` includes members of cube `a`/,
  });
  checkCompiledCubes([view({ accessPolicy: [{ group: '*' }] }), guarded, cube('b')]);
  checkCompiledCubes([view({ includedMembers: [{ memberPath: 'b.x' }] }), guarded, cube('b')]);
});
