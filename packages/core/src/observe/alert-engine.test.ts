import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, silentLogger } from '../base/index.ts';
import { defineAlert } from './alert-definition.ts';
import { AlertEngine, type AlertEntry } from './alert-engine.ts';

function harness(outcome = { applied: true, text: 'done' }) {
  let nowMs = 1_000_000;
  let value: number | undefined;
  let listener = () => {};
  const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, schedule: () => () => {} };
  const entries: AlertEntry[] = [];
  let actions = 0;
  const engine = new AlertEngine({
    alerts: [
      defineAlert({
        name: 'slow',
        description: 'Results are slow.',
        when: { figure: 'avg_latency_ms', above: 1000 },
        forMs: 2000,
        resolveAfterMs: 3000,
        actions: [{ type: 'scale-partitions', topic: 'pings', partitionsMax: 8, coolDownMs: 10_000 }],
      }),
    ],
    figures: {
      read: () => (value === undefined ? {} : { avg_latency_ms: value }),
      history: () => [],
      onChange: (callback) => {
        listener = callback;
        return () => {};
      },
    },
    audit: {
      append: (entry) => {
        entries.unshift(entry);
        return Promise.resolve();
      },
      entries: () => entries,
    },
    runAction: () => {
      actions++;
      return Promise.resolve(outcome);
    },
    clock,
    logger: silentLogger,
  });
  engine.start();
  const run = async (seconds: number, next: number | undefined) => {
    for (let i = 0; i < seconds; i++) {
      nowMs += 1000;
      value = next;
      listener();
      await Promise.resolve();
    }
  };
  const phase = () => engine.statuses()[0]?.phase;
  return { engine, entries, run, phase, actions: () => actions };
}

test('an absent figure is no breach: nothing fires at a cold start', async () => {
  const { run, phase, entries } = harness();
  await run(60, undefined);
  assert.equal(phase(), 'ok');
  assert.deepEqual(entries, []);
});

test('a breach shorter than forMs does not fire', async () => {
  const { run, phase, entries } = harness();
  await run(2, 5000);
  await run(1, 10);
  assert.equal(phase(), 'ok');
  assert.deepEqual(entries, []);
});

test('a lasting breach fires once, acts once per cool-down, and resolves after it was clear for long enough', async () => {
  const { engine, run, phase, entries, actions } = harness();
  await run(4, 5000);
  assert.equal(phase(), 'firing');
  await run(5, 5000);
  assert.equal(actions(), 1);
  await run(6, 5000);
  assert.equal(actions(), 2, 'the cool-down of 10 s has passed');
  await run(2, 10);
  assert.equal(phase(), 'resolving');
  await run(1, 5000);
  assert.equal(phase(), 'firing', 'a relapse is the same incident');
  await run(5, 10);
  assert.equal(phase(), 'ok');
  await engine.stop();
  assert.deepEqual(
    entries.map((entry) => entry.type).filter((type) => type !== 'action'),
    ['resolved', 'fired'],
  );
});

test('a refused action is kept with its reason', async () => {
  const { engine, run, entries } = harness({ applied: false, text: 'events is keyed' });
  await run(5, 5000);
  await engine.stop();
  assert.ok(
    entries.some((entry) => entry.type === 'action' && !entry.applied && entry.text === 'events is keyed'),
  );
});
