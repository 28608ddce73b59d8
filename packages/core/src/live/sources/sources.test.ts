import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from '@millrace/core/base';
import type { MetricQuery, SemanticLayer } from '@millrace/core/semantic';
import { VirtualClock } from '@millrace/testkit/clock';
import type { QueryableStores, StoreRead, StoreRow } from '../../streams/index.ts';
import { metricsSource } from './metrics-source.ts';
import { reportSource } from './report-source.ts';
import { streamSource } from './stream-source.ts';
import { systemSource } from './system-source.ts';

class Announcer {
  readonly listeners = new Set<() => void>();
  readonly on = (listener: () => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };
  tell(): void {
    for (const listener of this.listeners) listener();
  }
}

function storesOf(rows: Record<string, StoreRow[]>) {
  const announcer = new Announcer();
  const reads: StoreRead[] = [];
  const stores: QueryableStores = {
    names: () => Object.keys(rows),
    read(store, read) {
      reads.push(read);
      const found = rows[store];
      if (found !== undefined) return found;
      throw new MillraceError('STREAMS_NO_SUCH_STORE', {
        kind: 'input',
        cause: 'No store.',
        remedy: 'Make it.',
      });
    },
    streamTimeMs: () => 42,
    onChange: (_store, listener) => announcer.on(listener),
  };
  return { stores, announcer, reads };
}

test('stream: selected columns of the store, sorted and cut', async () => {
  const { stores, reads } = storesOf({
    fraud: [
      { key: 'u1', value: { amount: 10, at: 100, tags: ['a'] } },
      { key: 'u2', value: { amount: Number.NaN, at: 300 } },
      { key: 'u3', value: { amount: 30, at: 200 } },
    ],
  });
  const clock = new VirtualClock(1_000_000);
  const source = streamSource({ stores, clock });
  const query = source.check({
    source: 'stream',
    store: 'fraud',
    lastMs: 60_000,
    select: [{ at: 'value.at' }, { user: 'key' }, { amount: 'value.amount' }, { tags: 'value.tags' }],
    order: { at: 'desc' },
    limit: 2,
  });
  assert.deepEqual(await source.evaluate(query, {}), {
    columns: ['at', 'user', 'amount', 'tags'],
    rows: [
      [300, 'u2', null, null],
      [200, 'u3', 30, null],
    ],
    watermarkMs: 42,
  });
  assert.deepEqual(reads, [{ limit: 10_000, sinceMs: 940_000 }]);
});

test('stream: malformed queries and unknown stores are refused in words', async () => {
  const { stores } = storesOf({ fraud: [] });
  const source = streamSource({ stores, clock: new VirtualClock() });
  const refused = (query: Record<string, unknown>, pattern: RegExp) =>
    assert.throws(() => source.check({ source: 'stream', ...query }), {
      code: 'LIVE_QUERY_INVALID',
      message: pattern,
    });
  refused({}, /needs `store`/);
  refused({ store: 's', limits: 3 }, /no field `limits`.*`limit`/);
  refused({ store: 's', limit: 0 }, /`limit` as a whole number/);
  refused({ store: 's', select: { a: 'values' } }, /cannot select `values`/);
  refused({ store: 's', order: { b: 'asc' } }, /orders by `b`/);
  const query = source.check({ source: 'stream', store: 'frauds' });
  await assert.rejects(async () => source.evaluate(query, {}), {
    code: 'LIVE_STORE_UNKNOWN',
    message: /`frauds`. Stores: fraud/,
  });
});

test('stream: a store that appears later is found, and a sliding range moves without events', async () => {
  const rows: Record<string, StoreRow[]> = {};
  const { stores, announcer } = storesOf(rows);
  const clock = new VirtualClock();
  const source = streamSource({ stores, clock });
  let changes = 0;
  const cancel = source.watch(source.check({ store: 'late', lastMs: 600_000 }), () => changes++);
  await clock.advance(5_000);
  assert.equal(changes, 0);
  rows['late'] = [];
  await clock.advance(1_000);
  assert.equal(changes, 1);
  announcer.tell();
  assert.equal(changes, 2);
  await clock.advance(10_000);
  assert.equal(changes, 3);
  cancel();
  assert.equal(clock.pending, 0);
  assert.equal(announcer.listeners.size, 0);
});

test('system: values of now as one row, history as one series', async () => {
  const announcer = new Announcer();
  const history: Record<string, [number, number][]> = {
    p50: [
      [1, 10],
      [2, 20],
    ],
    p99: [
      [2, 90],
      [3, Number.NaN],
    ],
  };
  const source = systemSource(
    { read: () => ({ p50: 20 }), history: (name) => history[name] ?? [], onChange: announcer.on },
    new VirtualClock(7),
  );
  const figures = ['p50', 'p99'];
  assert.deepEqual(await source.evaluate(source.check({ figures }), {}), {
    columns: figures,
    rows: [[20, null]],
    watermarkMs: 7,
  });
  const series = await source.evaluate(source.check({ figures, lastMs: 60_000 }), {});
  assert.deepEqual(series.rows, [
    [1, 10, null],
    [2, 20, 90],
    [3, null, null],
  ]);
  assert.throws(() => source.check({ figures: [] }), { code: 'LIVE_QUERY_INVALID' });
});

test('report: one row a section', async () => {
  const announcer = new Announcer();
  const source = reportSource({
    alerts: { read: () => ({ a: { on: true }, b: null }), onChange: announcer.on },
  });
  const { columns, rows } = await source.evaluate(source.check({ source: 'report', name: 'alerts' }), {});
  assert.deepEqual(columns, ['section', 'document']);
  assert.deepEqual(rows, [
    ['a', '{"on":true}'],
    ['b', 'null'],
  ]);
  assert.throws(() => source.check({ name: 'alert' }), { code: 'LIVE_REPORT_UNKNOWN', message: /alerts/ });
});

function semanticOf(status: 'starting' | 'ready') {
  const state = new Announcer();
  const tables = new Set<(names: ReadonlySet<string>) => void>();
  const asked: { query: MetricQuery; context: unknown }[] = [];
  let current: { status: 'starting' | 'ready' | 'failed'; reason?: string } = { status };
  const semantic: SemanticLayer = {
    get state() {
      return current;
    },
    onStateChange: state.on,
    load: (query, context) => {
      asked.push({ query, context });
      return Promise.resolve({ members: ['a.count'], rows: [[1]], watermarkMs: 5 });
    },
    tablesOf: () => Promise.resolve(new Set(['marts.a'])),
    meta: () => Promise.resolve({}),
    close: () => Promise.resolve(),
  };
  return {
    semantic,
    asked,
    become(next: typeof current) {
      current = next;
      state.tell();
    },
    changeTables: (...names: string[]) => {
      for (const listener of tables) listener(new Set(names));
    },
    onTablesChanged: (listener: (names: ReadonlySet<string>) => void) => {
      tables.add(listener);
      return () => void tables.delete(listener);
    },
  };
}

test('metrics: "starting" until the layer is ready, then asked again only for its own tables', async () => {
  const layer = semanticOf('starting');
  const clock = new VirtualClock();
  const source = metricsSource({ semantic: layer.semantic, onTablesChanged: layer.onTablesChanged, clock });
  const query = source.check({ source: 'metrics', measures: ['a.count'] });
  let changes = 0;
  const cancel = source.watch(query, () => changes++);
  await assert.rejects(async () => source.evaluate(query, {}), { code: 'LIVE_SOURCE_STARTING' });
  layer.become({ status: 'ready' });
  await clock.advance(0);
  assert.equal(changes, 1);
  const answer = await source.evaluate(query, { tenant: 'x' });
  assert.deepEqual(answer, { columns: ['a.count'], rows: [[1]], watermarkMs: 5 });
  assert.deepEqual(layer.asked, [{ query: { measures: ['a.count'] }, context: { tenant: 'x' } }]);
  layer.changeTables('marts.b');
  assert.equal(changes, 1);
  layer.changeTables('marts.b', 'marts.a');
  assert.equal(changes, 2);
  layer.become({ status: 'failed', reason: 'the model does not compile' });
  await assert.rejects(async () => source.evaluate(query, {}), { message: 'the model does not compile' });
  cancel();
  layer.changeTables('marts.a');
  assert.equal(changes, 3);
  assert.equal(clock.pending, 0);
});

test('metrics: a relative range is asked again as time passes', async () => {
  const layer = semanticOf('ready');
  const clock = new VirtualClock();
  const source = metricsSource({ semantic: layer.semantic, onTablesChanged: layer.onTablesChanged, clock });
  let changes = 0;
  const timeDimensions = [{ dimension: 'a.at', dateRange: 'today' }];
  const cancel = source.watch(source.check({ measures: ['a.count'], timeDimensions }), () => changes++);
  await clock.advance(65_000);
  assert.equal(changes, 2);
  cancel();
  assert.equal(clock.pending, 0);
});

test('metrics: equal queries are equal as JSON, and misspelt fields are refused', () => {
  const layer = semanticOf('ready');
  const source = metricsSource({ ...layer, clock: new VirtualClock() });
  const one = source.check({ source: 'metrics', measures: ['a.count'], limit: 3 });
  const other = source.check({ limit: 3, measures: ['a.count'] });
  assert.equal(JSON.stringify(one), JSON.stringify(other));
  assert.throws(() => source.check({ measure: ['a.count'] }), { kind: 'input' });
});
