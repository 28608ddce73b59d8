/** Entry of the thread that owns the database file. Nothing else opens it. */
import { parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { assert, type Clock } from '@millrace/core/base';
import { serveQueries, TableVersions, toErrorMessage, type ModelRefresher } from '@millrace/core/warehouse';
import { unpackParts, type Call, type FromThread, type ThreadData, type ToThread } from './protocol.ts';
import { WarehouseThread } from './warehouse-thread.ts';

assert(parentPort !== null, 'worker.ts runs as a worker thread');
const mainThread: MessagePort = parentPort;
const { settings, versions } = workerData as ThreadData;
const queryPorts = new Set<MessagePort>();

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  schedule(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};

function post(message: FromThread): void {
  mainThread.postMessage(message);
}

async function createRefresher(): Promise<ModelRefresher | undefined> {
  return undefined;
}

async function perform(thread: WarehouseThread, call: Call): Promise<unknown> {
  switch (call.method) {
    case 'defineTables':
      return thread.defineTables(call.tables);
    case 'loadedOffsets':
      return thread.loadedOffsets();
    case 'load':
      return thread.load(unpackParts(call.parts, call.bytes), call.nowMs);
    case 'checkpoint':
      return thread.checkpoint();
    case 'close':
      return thread.close();
  }
}

async function answer(thread: WarehouseThread, id: number, call: Call): Promise<void> {
  try {
    post({ type: 'reply', id, result: await perform(thread, call) });
  } catch (error) {
    post({ type: 'reply', id, error: toErrorMessage(error) });
  }
  if (call.method === 'close') end();
}

/** Without ports the thread has nothing to wait for, and ends. */
function end(): void {
  for (const port of queryPorts) port.close();
  mainThread.close();
}

try {
  const thread = await WarehouseThread.open({
    settings,
    versions: TableVersions.from(versions),
    clock,
    createRefresher,
    onChange: (tables) => post({ type: 'changed', tables }),
    onCheckpoint: (report) => post({ type: 'checkpoint', report }),
  });
  mainThread.on('message', (message: ToThread) => {
    if (message.type === 'call') {
      void answer(thread, message.id, message.call);
      return;
    }
    const { port } = message;
    queryPorts.add(port);
    port.on('close', () => queryPorts.delete(port));
    serveQueries(port, (sql, options) => thread.query(sql, options));
  });
  post({ type: 'ready' });
} catch (error) {
  post({ type: 'failed', error: toErrorMessage(error) });
  mainThread.close();
}
