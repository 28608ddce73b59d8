import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgressLine } from './progress-line.ts';

function show(options: { isTTY: boolean; total: number; done?: number }) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const { isTTY, ...rest } = options;
  const stream = { isTTY, write: (text: string) => written.push(text) };
  const line = new ProgressLine({ label: 'rows', ...rest, stream, nowMs: () => clock.ms });
  const at = (ms: number, done: number) => {
    clock.ms = ms;
    line.update(done);
  };
  return { line, at, written };
}

test('elsewhere than in a terminal: a line every five seconds, and the last one', () => {
  const { line, at, written } = show({ isTTY: false, total: 10_000 });
  at(0, 0);
  at(1000, 1000);
  at(4999, 4000);
  at(5000, 5000);
  at(6000, 10_000);
  line.end();
  assert.deepEqual(written, [
    `  rows ${'░'.repeat(24)} 0 of 10,000  0/s\n`,
    `  rows ${'█'.repeat(12)}${'░'.repeat(12)} 5,000 of 10,000  1,000/s, 5 s left\n`,
    `  rows ${'█'.repeat(24)} 10,000 of 10,000  1,667/s\n`,
  ]);
});

test('in a terminal: one line, written over, and left at the end', () => {
  const { line, at, written } = show({ isTTY: true, total: 100 });
  at(0, 0);
  at(99, 10);
  at(100, 20);
  line.end();
  assert.equal(written.length, 3);
  assert.ok(written.slice(0, 2).every((text) => text.startsWith('\r\x1b[2K') && !text.endsWith('\n')));
  assert.equal(written[2], '\n');
});

test('what was done before does not count as speed; nothing to do is done', () => {
  const resumed = show({ isTTY: false, total: 1000, done: 900 });
  resumed.at(1000, 950);
  assert.match(resumed.written[0] ?? '', /950 of 1,000 {2}50\/s, 1 s left/);
  const empty = show({ isTTY: false, total: 0 });
  empty.at(1, 0);
  assert.match(empty.written[0] ?? '', /█{24} 0 of 0/);
});
