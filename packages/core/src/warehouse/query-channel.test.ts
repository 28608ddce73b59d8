import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { isMillraceError } from '../base/index.ts';
import { warehouseError } from './errors.ts';
import type { SqlResult } from './port.ts';
import { QueryClient, serveQueries, type QueryExecutor } from './query-channel.ts';

const RESULT: SqlResult = { names: ['a'], types: ['INTEGER'], columns: [[1, null, 'x', true]], asOfMs: 5 };

function connect(execute: QueryExecutor): { client: QueryClient; server: MessagePort } {
  const { port1, port2 } = new MessageChannel();
  serveQueries(port1, execute);
  return { client: new QueryClient(port2), server: port1 };
}

test('questions and answers travel, in any order', async () => {
  const waiting = new Map<string, () => void>();
  const { client } = connect(async (sql, options) => {
    await new Promise<void>((resolve) => {
      waiting.set(sql, resolve);
      if (waiting.size === 2) for (const answer of [...waiting.values()].toReversed()) answer();
    });
    return { ...RESULT, columns: [[sql, options.rowsMax ?? null, ...(options.params ?? [])]] };
  });
  const [one, two] = await Promise.all([
    client.query('one', { rowsMax: 7, params: ['p'] }),
    client.query('two'),
  ]);
  assert.deepEqual(one.columns, [['one', 7, 'p']]);
  assert.deepEqual(two.columns, [['two', null]]);
  client.close();
});

test('an error keeps its code, kind, remedy and details', async () => {
  const { client } = connect(() => {
    throw warehouseError('WAREHOUSE_BUSY', {
      retryAfterMs: 10,
      details: { waiting: 3 },
      cause: new Error('deep'),
    });
  });
  const error = await client.query('x').catch((reason: unknown) => reason);
  assert.ok(isMillraceError(error));
  assert.deepEqual([error.code, error.kind, error.retryAfterMs], ['WAREHOUSE_BUSY', 'transient', 10]);
  assert.deepEqual(error.details, { waiting: 3 });
  assert.equal(error.remedy, warehouseError('WAREHOUSE_BUSY').remedy);
  assert.equal(error.cause, 'deep');
  client.close();
});

test('what is no error of ours arrives as a fatal one', async () => {
  const { client } = connect(async () => {
    throw new TypeError('oops');
  });
  const error = await client.query('x').catch((reason: unknown) => reason);
  assert.ok(isMillraceError(error));
  assert.deepEqual([error.code, error.kind, error.message], ['UNEXPECTED', 'fatal', 'oops']);
  client.close();
});

test('details that cannot be cloned become text', async () => {
  const { client } = connect(() => {
    throw warehouseError('WAREHOUSE_BUSY', { details: { call: () => 1 } });
  });
  const error = await client.query('x').catch((reason: unknown) => reason);
  assert.ok(isMillraceError(error));
  assert.equal(typeof error.details['call'], 'string');
  client.close();
});

test('when the port closes, at either end, nothing stays unanswered', async () => {
  for (const end of ['client', 'server'] as const) {
    const { client, server } = connect(() => new Promise(() => {}));
    const asked = client.query('never answered').catch((reason: unknown) => reason);
    if (end === 'client') client.close();
    else server.close();
    const outcomes = [await asked, await client.query('later').catch((reason: unknown) => reason)];
    for (const error of outcomes) assert.equal(isMillraceError(error) && error.code, 'WAREHOUSE_CLOSED');
  }
});

test('an answer that comes after the port was closed is dropped', async () => {
  let finish: (result: SqlResult) => void = () => {};
  const { client, server } = connect(() => new Promise((resolve) => (finish = resolve)));
  const asked = client.query('x').catch(() => 'refused');
  await once(server, 'message');
  client.close();
  await once(server, 'close');
  finish(RESULT);
  assert.equal(await asked, 'refused');
});
