import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MillraceError } from '@millrace/core/base';
import { VirtualClock } from '@millrace/testkit/clock';
import { LIVE_ERRORS } from './errors.ts';
import { LiveHub, type LiveHubOptions } from './live-hub.ts';
import type { LiveMessage, LiveResult, LiveSource } from './port.ts';

/** A source whose answer, duration and failures the test decides. */
class TestSource implements LiveSource<string> {
  readonly name = 'test';
  readonly concurrencyMax: number;
  readonly changed = new Set<() => void>();
  readonly #clock: VirtualClock;
  evaluations = 0;
  running = 0;
  runningMax = 0;
  durationMs = 0;
  failure: Error | undefined;
  rows: LiveResult['rows'] = [['a', 1]];

  constructor(clock: VirtualClock, concurrencyMax = 10) {
    this.#clock = clock;
    this.concurrencyMax = concurrencyMax;
  }

  check(query: Readonly<Record<string, unknown>>): string {
    return String(query['name']);
  }

  async evaluate(): Promise<LiveResult> {
    this.evaluations++;
    this.running++;
    this.runningMax = Math.max(this.running, this.runningMax);
    const { failure, rows } = this;
    if (this.durationMs > 0) await new Promise<void>((done) => this.#clock.schedule(done, this.durationMs));
    this.running--;
    if (failure !== undefined) throw failure;
    return { columns: ['key', 'count'], rows, watermarkMs: this.#clock.nowMs() };
  }

  watch(_query: string, changed: () => void): () => void {
    this.changed.add(changed);
    return () => this.changed.delete(changed);
  }

  change(rows?: LiveResult['rows']): void {
    if (rows !== undefined) this.rows = rows;
    for (const changed of this.changed) changed();
  }
}

function harness(options: Partial<LiveHubOptions> & { concurrencyMax?: number } = {}) {
  const clock = new VirtualClock();
  const source = new TestSource(clock, options.concurrencyMax);
  const hub = new LiveHub({ sources: [source], clock, epoch: 'one', ...options });
  const connect = () => {
    let wakes = 0;
    const viewer = hub.connect({ wake: () => wakes++ });
    const take = (bytesMax = 1e6) => viewer.take(bytesMax).map((text) => JSON.parse(text) as LiveMessage);
    return { viewer, take, wakes: () => wakes };
  };
  return { clock, source, hub, connect };
}

const ask = (id: string, name = 'q') => ({ id, query: { source: 'test', name } });

test('one evaluation for all viewers, and one more per change', async () => {
  const { clock, source, hub, connect } = harness();
  const viewers = Array.from({ length: 50 }, connect);
  for (const { viewer } of viewers) viewer.request([ask('tile')]);
  await clock.advance(0);
  assert.equal(source.evaluations, 1);
  assert.deepEqual(hub.counts(), { viewers: 50, queries: 1 });
  for (const { take } of viewers)
    assert.deepEqual(
      take().map(({ type }) => type),
      ['snapshot'],
    );
  source.change([['a', 2]]);
  await clock.advance(50);
  assert.equal(source.evaluations, 2);
  for (const { take } of viewers)
    assert.deepEqual(
      take().map(({ type }) => type),
      ['delta'],
    );
});

test('changes inside a tick are one evaluation; no change, no evaluation', async () => {
  const { clock, source, connect } = harness({ tickMs: 50 });
  connect().viewer.request([ask('tile')]);
  await clock.advance(100);
  for (let i = 0; i < 100; i++) {
    source.change();
    await clock.advance(1);
  }
  const busy = source.evaluations;
  assert.ok(busy >= 3 && busy <= 4, `${busy} evaluations in 100 ms at a tick of 50`);
  await clock.advance(10_000);
  assert.ok(source.evaluations <= busy + 1);
});

test('an evaluation takes at most a quarter of the time', async () => {
  const { clock, source, connect } = harness();
  source.durationMs = 200;
  connect().viewer.request([ask('tile')]);
  for (let i = 0; i < 800; i++) {
    source.change();
    await clock.advance(10);
  }
  assert.ok(
    source.evaluations >= 9 && source.evaluations <= 11,
    `${source.evaluations} in 8 s at 200 ms each`,
  );
});

test('a change during an evaluation is not missed', async () => {
  const { clock, source, connect } = harness();
  source.durationMs = 20;
  const { viewer, take } = connect();
  viewer.request([ask('tile')]);
  await clock.advance(10);
  source.change([['a', 7]]);
  await clock.advance(200);
  const last = take().at(-1);
  assert.ok(last?.type === 'snapshot');
  assert.deepEqual(last.result.rows, [['a', 7]]);
});

test('a source never runs more evaluations at once than it allows', async () => {
  const { clock, source, connect } = harness({ concurrencyMax: 2 });
  source.durationMs = 30;
  const { viewer, take } = connect();
  viewer.request(Array.from({ length: 9 }, (_, i) => ask(`t${i}`, `q${i}`)));
  await clock.advance(1_000);
  assert.equal(source.runningMax, 2);
  assert.equal(take().length, 9);
});

test('a reader that does not read is kept nothing for, and skips to the present', async () => {
  const { clock, source, connect } = harness();
  const { viewer, take, wakes } = connect();
  viewer.request([ask('tile')]);
  await clock.advance(0);
  take();
  const wakesBefore = wakes();
  for (let i = 1; i <= 100; i++) {
    source.change([['a', i]]);
    await clock.advance(60);
  }
  assert.equal(wakes(), wakesBefore + 1, 'it is told once, and not again before it reads');
  const messages = take();
  assert.equal(messages.length, 1);
  assert.ok(messages[0]?.type === 'snapshot');
  assert.deepEqual(messages[0].result.rows, [['a', 100]]);
});

test('take keeps to its bytes, and nobody is left out', async () => {
  const { clock, source, connect } = harness();
  source.rows = Array.from({ length: 100 }, (_, i) => [`key ${i}`, i]);
  const { viewer, take } = connect();
  viewer.request(Array.from({ length: 10 }, (_, i) => ask(`t${i}`, `q${i}`)));
  await clock.advance(0);
  const seen = new Set<string>();
  while (viewer.due) {
    const messages = take(2_000);
    assert.ok(messages.length <= 2);
    for (const { query } of messages) seen.add(query);
  }
  assert.equal(seen.size, 10);
});

test('who comes back gets no rows for the current version, a delta for an old one, else a snapshot', async () => {
  const { clock, source, hub, connect } = harness();
  source.rows = Array.from({ length: 10 }, (_, i) => [`k${i}`, 0]);
  const stays = connect();
  stays.viewer.request([ask('tile')]);
  await clock.advance(0);
  const [first] = stays.take();
  assert.ok(first?.type === 'snapshot');
  const { epoch, version } = first;
  const back = async (known: { epoch: string; version: number }) => {
    const { viewer, take } = connect();
    viewer.request([{ ...ask('tile'), known }]);
    await clock.advance(0);
    const messages = take();
    viewer.close();
    assert.equal(messages.length, 1);
    return messages[0] as LiveMessage;
  };
  const same = await back({ epoch, version });
  assert.ok(same.type === 'delta' && same.base === same.version && same.delta.changed.length === 0);
  source.change(source.rows.with(0, ['k0', 1]));
  await clock.advance(100);
  const next = await back({ epoch, version });
  assert.ok(next.type === 'delta' && next.base === version && next.delta.changed.length === 1);
  assert.equal((await back({ epoch, version: 999 })).type, 'snapshot');
  assert.equal((await back({ epoch: 'another', version })).type, 'snapshot');
  hub.close();
  assert.equal(source.changed.size, 0);
});

test('a failure is told once with its remedy, the result stays, and the recovery is told too', async () => {
  const { clock, source, connect } = harness();
  const { viewer, take } = connect();
  viewer.request([ask('tile')]);
  await clock.advance(0);
  take();
  source.failure = new MillraceError('TEST_BROKEN', {
    kind: 'transient',
    cause: 'Broken.',
    remedy: 'Mend it.',
  });
  source.change();
  await clock.advance(4_000);
  assert.deepEqual(take(), [
    {
      type: 'trouble',
      query: 'tile',
      epoch: 'one',
      state: 'failed',
      code: 'TEST_BROKEN',
      message: 'Broken.',
      remedy: 'Mend it.',
    },
  ]);
  assert.ok(source.evaluations >= 4, 'it is tried again without any change');
  source.failure = undefined;
  await clock.advance(6_000);
  assert.deepEqual(
    take().map(({ type }) => type),
    ['delta'],
  );
});

test('a failing evaluation is not repeated with every change', async () => {
  const { clock, source, connect } = harness();
  source.failure = new Error('no such column');
  connect().viewer.request([ask('tile')]);
  for (let i = 0; i < 500; i++) {
    source.change();
    await clock.advance(20);
  }
  assert.ok(source.evaluations <= 8, `${source.evaluations} evaluations in 10 s`);
});

test('"starting" ends with the change that the source announces, without waiting for the retry', async () => {
  const { clock, source, connect } = harness();
  source.failure = new MillraceError('LIVE_SOURCE_STARTING', LIVE_ERRORS.LIVE_SOURCE_STARTING);
  const { viewer, take } = connect();
  viewer.request([ask('tile')]);
  await clock.advance(10_000);
  assert.deepEqual(
    take().map((message) => message.type === 'trouble' && message.state),
    ['starting'],
  );
  source.failure = undefined;
  source.change();
  await clock.advance(50);
  assert.deepEqual(
    take().map(({ type }) => type),
    ['snapshot'],
  );
});

test('an evaluation that does not end is given up, and gives its place free', async () => {
  const { clock, source, connect } = harness({ timeoutMs: 1_000, concurrencyMax: 1 });
  source.durationMs = 1e9;
  const { viewer, take } = connect();
  viewer.request([ask('tile')]);
  await clock.advance(1_000);
  const [message] = take();
  assert.ok(message?.type === 'trouble' && message.code === 'LIVE_EVALUATION_TIMEOUT');
  source.durationMs = 0;
  await clock.advance(10_000);
  assert.equal(take().at(-1)?.type, 'snapshot');
});

test('unknown sources and too many rows are refused in words', async () => {
  const { clock, source, connect } = harness({ rowsMax: 3 });
  source.rows = Array.from({ length: 4 }, (_, i) => [i, i]);
  const { viewer, take } = connect();
  viewer.request([{ id: 'a', query: { source: 'tests' } }, ask('b')]);
  await clock.advance(0);
  const codes = take().map((message) => message.type === 'trouble' && message.code);
  assert.deepEqual(codes, ['LIVE_SOURCE_UNKNOWN', 'LIVE_RESULT_TOO_LARGE']);
});

test('viewers and queries are bounded', () => {
  const { hub, connect } = harness({ viewersMax: 1, queriesPerViewerMax: 2, queriesMax: 2 });
  const { viewer, take } = connect();
  assert.throws(() => hub.connect({ wake() {} }), { code: 'LIVE_TOO_MANY_VIEWERS' });
  const three = ['a', 'b', 'c'].map((id) => ask(id, id));
  assert.throws(() => viewer.request(three), { code: 'LIVE_TOO_MANY_QUERIES' });
  viewer.request(three.slice(0, 2));
  viewer.request(three.slice(1, 3));
  // The first is let go only after the third was asked for, so that the bound holds at every moment.
  const codes = take().map((message) => message.type === 'trouble' && message.code);
  assert.deepEqual(codes, ['LIVE_TOO_MANY_QUERIES']);
});

test('a query that nobody follows is not evaluated, and its answer is forgotten after a while', async () => {
  const { clock, source, connect } = harness({ keepMs: 60_000 });
  const first = connect();
  first.viewer.request([ask('tile')]);
  await clock.advance(0);
  first.viewer.close();
  const { evaluations } = source;
  source.change([['a', 5]]);
  await clock.advance(1_000);
  assert.equal(source.evaluations, evaluations);
  source.durationMs = 100;
  const second = connect();
  second.viewer.request([ask('tile')]);
  assert.equal(second.take()[0]?.type, 'snapshot', 'a newcomer sees the last answer at once');
  await clock.advance(200);
  assert.equal(second.take()[0]?.type, 'delta', 'and then what is true now');
  second.viewer.close();
  await clock.advance(200_000);
  assert.equal(clock.pending, 0);
  const third = connect();
  third.viewer.request([ask('tile')]);
  assert.deepEqual(third.take(), []);
});
