import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { errorReference } from './errors.ts';

test('the reference of errors is what the tables say', async () => {
  const written = await readFile(join(import.meta.dirname, '../../docs/reference/errors.md'), 'utf8');
  assert.equal(written, errorReference(), 'run: node scripts/error-reference.ts');
});
