import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MillraceError, type Clock } from '@millrace/core/base';
import { DashboardFolder } from './dashboard-folder.ts';
import { readDashboard } from './dashboard-file.ts';

const anything = () => {};
const read = (text: string, check = anything) => readDashboard('dashboards/shop.yml', text, check);

/** Line, column and message of each problem. */
const problems = (text: string, check = anything) =>
  read(text, check).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

test('a whole file becomes a dashboard with defaults filled in', () => {
  const { dashboard, problems: none } = read(`
title: Shop
tiles:
  - title: Events per second
    kind: series
    lastMs: 600000
    query: { source: system, figures: [events_per_second], lastMs: 600000 }
    format: { unit: /s, decimals: 1 }
    values: [events_per_second]
  - title: Revenue
    kind: number
    format: { style: currency, currency: EUR }
    query: { source: metrics, measures: [orders.revenue] }
  - title: Revenue
    kind: table
    columns:
      - user
      - { column: at, label: When, format: age }
    query: { source: stream, store: fraud }
  - title: Alerts
    kind: alerts
`);
  assert.deepEqual(none, []);
  assert.deepEqual(
    dashboard?.tiles.map(({ id, kind, width }) => [id, kind, width]),
    [
      ['events-per-second', 'series', 6],
      ['revenue', 'number', 3],
      ['revenue-2', 'table', 6],
      ['alerts', 'alerts', 6],
    ],
  );
  const [series, revenue, table, alerts] = JSON.parse(JSON.stringify(dashboard.tiles));
  assert.deepEqual(series.format, { style: 'number', unit: '/s', decimals: 1 });
  assert.deepEqual(series.values, [{ column: 'events_per_second' }]);
  assert.deepEqual(revenue.format, { style: 'currency', currency: 'EUR' });
  assert.deepEqual(table.columns, [
    { column: 'user' },
    { column: 'at', label: 'When', format: { style: 'age' } },
  ]);
  assert.deepEqual(alerts.query, { source: 'report', name: 'alerts' });
});

test('every problem names its line and column, and what to write instead', () => {
  const text = `title: Shop
tils: []
tiles:
  - title: One
    kind: nmber
    query: { source: system }
  - kind: number
    width: 13
    query: nothing
  - title: Three
    kind: bar
    colour: red
    format: percnt
`;
  assert.deepEqual(problems(text), [
    '2:1 `tils` is no field of the file. Did you mean `tiles`?',
    '5:11 `kind` is `nmber`; use `number`.',
    '7:5 A tile needs a `title`.',
    '8:12 `width` must be a number from 1 to 12.',
    '9:12 `query` must be a mapping (lines of `name: value`).',
    '10:5 A bar tile needs a `query`.',
    '12:5 `colour` is no field of `tiles`, item 3. ' +
      'It may have: title, description, kind, width, query, empty, label, value, format.',
    '13:13 `format` is `percnt`; use `percent`.',
  ]);
  assert.equal(read(text).dashboard, undefined);
});

test('what is no YAML, empty, or no mapping is a problem with a place', () => {
  assert.match(problems('title: [1, 2\ntiles: []')[0] ?? '', /^\d+:\d+ \S/);
  assert.deepEqual(problems(''), ['1:1 The file must be a mapping (lines of `name: value`).']);
  assert.deepEqual(problems('- a'), ['1:1 The file must be a mapping (lines of `name: value`).']);
  assert.deepEqual(problems('title: T'), ['1:1 A dashboard needs `tiles`.']);
  assert.deepEqual(problems('title: T\ntiles: 3'), [
    '2:8 `tiles` must be a list (lines that begin with `- `).',
  ]);
});

test('a query that no source answers is a problem at its place', () => {
  const refuse = () => {
    throw new MillraceError('X', { kind: 'input', cause: 'No such source.', remedy: 'Use another.' });
  };
  const text = 'title: T\ntiles:\n  - title: A\n    kind: number\n    query: { source: sytem }\n';
  assert.deepEqual(problems(text, refuse), ['5:12 No such source. Use another.']);
});

test('a random cut of a good file never throws, and gives a dashboard or a problem', () => {
  const text = `title: Shop
description: d
order: 1
tiles:
  - { title: A, kind: number, query: { source: s } }
  - title: B
    kind: table
    columns: [a, { column: b, format: { style: age } }]
    query: { source: s }
`;
  for (let end = 0; end <= text.length; end++) {
    const { dashboard, problems: found } = read(text.slice(0, end));
    assert.equal(dashboard === undefined, found.length > 0, `cut at ${end}`);
  }
});

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

test('a saved file is announced, a broken one keeps the last good version, a removed one goes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dashboards-'));
  after(() => rm(folder, { recursive: true, force: true }));
  const good = (title: string, order: number) => `title: ${title}\norder: ${order}\ntiles: []\n`;
  await writeFile(join(folder, 'b.yml'), good('Second', 2));
  await writeFile(join(folder, 'notes.txt'), 'not a dashboard');
  const opened = await DashboardFolder.open({ folder, shownAs: 'dashboards', check: anything, clock });
  const changed = () => new Promise<void>((resolve) => opened.onChange(resolve));
  const titles = () => Object.values(opened.read()).map(({ dashboard }) => dashboard?.title);
  assert.deepEqual(titles(), ['Second']);

  let next = changed();
  await writeFile(join(folder, 'a.yaml'), good('First', 1));
  await next;
  assert.deepEqual(titles(), ['First', 'Second']);

  next = changed();
  await writeFile(join(folder, 'swap'), 'title: Second\ntiles: 3\n');
  await rename(join(folder, 'swap'), join(folder, 'b.yml'));
  await next;
  assert.deepEqual(titles(), ['First', 'Second']);
  assert.equal(opened.read()['b']?.problems[0]?.line, 2);

  next = changed();
  await writeFile(join(folder, 'b.yml'), good('Better', 0));
  while (titles()[0] !== 'Better') {
    await next;
    next = changed();
  }
  assert.deepEqual(opened.read()['b']?.problems, []);

  next = changed();
  await unlink(join(folder, 'a.yaml'));
  await next;
  assert.deepEqual(titles(), ['Better']);
  opened.close();
});

test('a project without dashboards has none', async () => {
  const opened = await DashboardFolder.open({
    folder: undefined,
    shownAs: 'dashboards',
    check: anything,
    clock,
  });
  assert.deepEqual(opened.read(), {});
  opened.close();
});
