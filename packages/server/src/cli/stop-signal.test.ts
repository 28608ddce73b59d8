import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import { onStopSignal } from './stop-signal.ts';

function listen() {
  const signals = new EventEmitter();
  const calls: string[] = [];
  const clock = { ms: 0 };
  onStopSignal({
    signals,
    nowMs: () => clock.ms,
    stop: () => calls.push('stop'),
    force: () => calls.push('force'),
  });
  const at = (ms: number, signal: string) => {
    clock.ms = ms;
    signals.emit(signal);
  };
  return { calls, at };
}

test('one Ctrl-C that arrives twice stops once', () => {
  const { calls, at } = listen();
  at(0, 'SIGINT');
  at(3, 'SIGINT');
  at(900, 'SIGTERM');
  assert.deepEqual(calls, ['stop']);
});

test('a later one does not wait any longer', () => {
  const { calls, at } = listen();
  at(10, 'SIGTERM');
  at(1011, 'SIGINT');
  assert.deepEqual(calls, ['stop', 'force']);
});

test('a terminal that goes away stops as well', () => {
  const { calls, at } = listen();
  at(0, 'SIGHUP');
  assert.deepEqual(calls, ['stop']);
});
