import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { DataFile } from '@millrace/adapters/duckdb';
import { defineEvent, Type } from '@millrace/core/contract';
import { importFile, type ImportOptions } from './import-file.ts';
import { planImport } from './import-plan.ts';
import { ImportPosition } from './import-position.ts';

type Event = Readonly<Record<string, unknown>>;

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-import-'));
});
after(() => rm(folder, { recursive: true, force: true }));

/** What arrives at the door; `answer` may refuse a request before. */
async function door(
  t: TestContext,
  answer: (request: number) => { status: number; retryAfter?: string } | undefined = () => undefined,
) {
  const events: Event[] = [];
  const headers: Record<string, unknown>[] = [];
  let requests = 0;
  const listener: RequestListener = (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.on('end', () => {
      headers.push(request.headers);
      const refused = answer(++requests);
      if (refused !== undefined) {
        if (refused.retryAfter !== undefined) response.setHeader('retry-after', refused.retryAfter);
        response.writeHead(refused.status).end('{"code":"NO"}');
        return;
      }
      const lines = body.split('\n').map((line) => JSON.parse(line) as Event);
      events.push(...lines);
      response.writeHead(202, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ received: lines.length, accepted: lines.length, duplicates: 0, rejected: [] }),
      );
    });
  };
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, events, headers, requests: () => requests };
}

async function csv(name: string, text: string): Promise<DataFile> {
  const path = join(folder, name);
  await writeFile(path, text);
  return DataFile.open(path);
}

function run(file: DataFile, url: string, options: Partial<ImportOptions> & { idColumn?: string } = {}) {
  const plan = planImport(file.columns, { eventType: 'row', idColumn: options.idColumn });
  return importFile({
    file,
    plan,
    fileName: 'rows.csv',
    url,
    key: undefined,
    fromRow: 0,
    signal: new AbortController().signal,
    onProgress: () => {},
    ...options,
  });
}

test('values of all kinds arrive as the contract of their kinds takes them', async (t) => {
  await using file = await csv(
    'kinds.ndjson',
    [
      '{"at":"2026-01-01 10:00:00.123","day":"2026-01-31","n":7,"x":1.5,"ok":true,"s":"a \\"b\\"","big":12345678901234567890,"deep":{"a":[1,2]},"none":null}',
      '{"at":"2026-01-01 11:00:00","n":null,"x":1e300,"s":"日本"}',
    ].join('\n'),
  );
  const { url, events } = await door(t);
  await run(file, url);
  const contract = defineEvent({
    name: 'row',
    version: 1,
    schema: Type.Object({
      day: Type.Union([Type.String({ format: 'date' }), Type.Null()]),
      n: Type.Union([Type.Integer(), Type.Null()]),
      x: Type.Number(),
      ok: Type.Union([Type.Boolean(), Type.Null()]),
      s: Type.String(),
      big: Type.Union([Type.String(), Type.Null()]),
      deep: Type.Union([Type.String(), Type.Null()]),
    }),
  });
  for (const event of events) assert.equal(contract.violation(event), undefined, JSON.stringify(event));
  const { event_id: _id, ...first } = events[0] as Event;
  assert.deepEqual(first, {
    event_type: 'row',
    event_timestamp: '2026-01-01T10:00:00.123Z',
    day: '2026-01-31',
    n: 7,
    x: 1.5,
    ok: true,
    s: 'a "b"',
    big: '12345678901234567890',
    deep: '{"a":[1,2]}',
    none: null,
  });
  assert.equal(events[1]?.['s'], '日本');
});

test('numbers and times that JSON cannot write are missing values', async (t) => {
  await using file = await csv(
    'odd.csv',
    'at,x\n2026-01-01 00:00:00,nan\n2026-01-01 00:00:00,-inf\n2026-01-01 00:00:00,1.5\n',
  );
  assert.equal(file.columns[1]?.type, 'DOUBLE');
  const { url, events } = await door(t);
  await run(file, url);
  assert.deepEqual(
    events.map((event) => event['x']),
    [null, null, 1.5],
  );
});

test('seconds since 1970 become times', async (t) => {
  await using file = await csv('epoch.csv', 'ts,x\n1767225600,1\n1767225601,2\n');
  const { url, events } = await door(t);
  await run(file, url);
  assert.deepEqual(
    events.map((event) => event['event_timestamp']),
    ['2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z'],
  );
});

test('ids: the same file again and a grown one repeat them, another file of the same name does not', async (t) => {
  const { url, events } = await door(t);
  const idsOf = async (text: string) => {
    events.length = 0;
    await using file = await csv('ids.csv', text);
    await run(file, url);
    return events.map((event) => event['event_id']);
  };
  const ids = await idsOf('a,b\n1,x\n2,y\n');
  assert.equal(new Set(ids).size, 2);
  assert.deepEqual(await idsOf('a,b\n1,x\n2,y\n'), ids);
  assert.deepEqual((await idsOf('a,b\n1,x\n2,y\n3,z\n')).slice(0, 2), ids);
  const others = await idsOf('a,b\n9,x\n2,y\n');
  assert.equal(others.filter((id) => ids.includes(id)).length, 0);
});

test('ids from a column', async (t) => {
  await using file = await csv('own.csv', 'key,b\n17,x\n18,y\n');
  const { url, events } = await door(t);
  await run(file, url, { idColumn: 'key' });
  assert.deepEqual(
    events.map((event) => event['event_id']),
    ['17', '18'],
  );
});

test('many rows: in order, in requests of bounded size, from the row where it stopped', async (t) => {
  const lines = Array.from({ length: 9000 }, (_, i) => `${i}`);
  await using file = await csv('many.csv', ['n', ...lines].join('\n'));
  const { url, events, requests } = await door(t);
  const progress: number[] = [];
  const summary = await run(file, url, { onProgress: (rows) => void progress.push(rows) });
  assert.equal(summary.accepted, 9000);
  assert.deepEqual(
    events.map((event) => event['n']),
    lines.map(Number),
  );
  assert.ok(requests() >= 3 && requests() <= 9000 / 1000, `${requests()} requests`);
  assert.equal(progress.at(-1), 9000);
  const ids = events.map((event) => event['event_id']);
  events.length = 0;
  const rest = await run(file, url, { fromRow: 8997 });
  assert.equal(rest.rows, 9000);
  assert.deepEqual(
    events.map((event) => event['event_id']),
    ids.slice(8997),
  );
});

test('large rows: no body beyond what a server takes', async (t) => {
  const text = 'é'.repeat(200_000);
  const lines = Array.from({ length: 30 }, (_, i) => JSON.stringify({ n: i, text }));
  await using file = await csv('large.ndjson', lines.join('\n'));
  const { url, events, headers } = await door(t);
  await run(file, url);
  assert.equal(events.length, 30);
  for (const header of headers) assert.ok(Number(header['content-length']) <= 10 << 20);
});

test('a busy server is asked again; nothing is sent twice or left out', async (t) => {
  await using file = await csv('busy.csv', 'n\n1\n2\n');
  const { url, events, requests } = await door(t, (request) => {
    return [{ status: 503 }, { status: 429, retryAfter: '0.05' }, { status: 500 }][request - 1];
  });
  const summary = await run(file, url);
  assert.equal(requests(), 4);
  assert.equal(summary.accepted, 2);
  assert.equal(events.length, 2);
});

test('a server that takes less in a request is sent less', async (t) => {
  const lines = Array.from({ length: 1000 }, (_, i) => `${i}`);
  await using file = await csv('less.csv', ['n', ...lines].join('\n'));
  const { url, events, requests } = await door(t, (request) => (request <= 2 ? { status: 413 } : undefined));
  const summary = await run(file, url);
  assert.equal(requests(), 5);
  assert.equal(summary.accepted, 1000);
  assert.deepEqual(
    events.map((event) => event['n']),
    lines.map(Number),
  );
});

test('a refusal ends it, with what the server said', async (t) => {
  await using file = await csv('refused.csv', 'n\n1\n');
  const { url, headers } = await door(t, () => ({ status: 401 }));
  await assert.rejects(run(file, url, { key: 'secret' }), { code: 'IMPORT_REFUSED', message: /401 .*NO/ });
  assert.equal(headers[0]?.['authorization'], 'Bearer secret');
});

test('a server that stays away is named, and a stop is not waited for', async () => {
  await using file = await csv('away.csv', 'n\n1\n');
  const nobody = 'http://127.0.0.1:1';
  await assert.rejects(run(file, nobody, { patienceMs: 50 }), {
    code: 'IMPORT_UNREACHABLE',
    message: /ECONNREFUSED|bad port/,
  });
  const stop = new AbortController();
  const running = run(file, nobody, { signal: stop.signal });
  stop.abort();
  await assert.rejects(running, { name: 'AbortError' });
});

test('a position belongs to its file and survives odd contents', async () => {
  const path = join(folder, 'position.csv');
  const state = join(folder, 'state', 'deep', 'position.json');
  await writeFile(path, 'n\n1\n');
  const first = await ImportPosition.open(state, path);
  assert.equal(first.rows, 0);
  await first.reach(7);
  assert.equal((await ImportPosition.open(state, path)).rows, 7);
  await writeFile(path, 'n\n1\n2\n');
  assert.equal((await ImportPosition.open(state, path)).rows, 0);
  for (const broken of ['', '{"file":', '[]', 'null', '{"file":1,"rows":"x"}']) {
    await writeFile(state, broken);
    assert.equal((await ImportPosition.open(state, path)).rows, 0, broken);
  }
  assert.equal((await ImportPosition.open(undefined, path)).rows, 0);
});
