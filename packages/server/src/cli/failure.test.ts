import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { MillraceError, type ErrorKind } from '@millrace/core/base';
import { exitCodeOf, failureText } from './failure.ts';

const known = (kind: ErrorKind) =>
  new MillraceError(
    'LOG_DISK_FULL',
    { kind, cause: 'The disk is full.', remedy: 'Free space.' },
    { details: { folder: '/data' }, cause: new Error('ENOSPC') },
  );

test('what is known: code, message, remedy; the rest only when it is asked for', () => {
  assert.equal(
    failureText(known('transient'), false),
    'LOG_DISK_FULL: The disk is full.\nRemedy: Free space.',
  );
  const verbose = failureText(known('transient'), true);
  assert.match(verbose, /^LOG_DISK_FULL: The disk is full\.\nRemedy: Free space\.\n\n.*\n\s+at /);
  assert.match(verbose, /"folder":"\/data"/);
  assert.match(verbose, /caused by Error: ENOSPC/);
});

test('what the machine refuses is no fault of ours', async () => {
  const error: unknown = await readFile('/does/not/exist').catch((reason: unknown) => reason);
  const text = failureText(error, false);
  assert.match(text, /^The machine refused: ENOENT: .*\/does\/not\/exist/);
  assert.doesNotMatch(text, /sorry/);
});

test('what nobody expected: an apology and what to do, the stack only when it is asked for', () => {
  const error = new TypeError('x is not a function');
  assert.match(failureText(error, false), /sorry\. x is not a function\n.*--verbose/);
  assert.doesNotMatch(failureText(error, false), /\n\s+at /);
  assert.match(failureText(error, true), /TypeError: x is not a function\n\s+at /);
  assert.match(failureText('a text', true), /a text/);
});

test('the exit code tells what to change from what to try again', () => {
  assert.deepEqual(
    (['config', 'input', 'transient', 'fatal'] as const).map((kind) => exitCodeOf(known(kind))),
    [2, 2, 1, 1],
  );
  assert.equal(exitCodeOf(new Error('x')), 1);
});
