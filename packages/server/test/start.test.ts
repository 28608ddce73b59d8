import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EventSource, PageSession, ServerProcess } from '@millrace/testkit/load';

const root = join(import.meta.dirname, '../../..');
const storefront = join(root, 'examples/storefront');

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-start-'));
});
after(() => rm(folder, { recursive: true, force: true }));

function start(options: {
  data: string;
  project?: string;
  args?: readonly string[];
}): Promise<ServerProcess> {
  const { data, project = storefront, args = [] } = options;
  return ServerProcess.start({ project, data: join(folder, data), args: ['--no-companions', ...args] });
}

async function post(url: string, body: string): Promise<{ status: number; answer: Record<string, unknown> }> {
  const headers = { 'content-type': 'application/x-ndjson' };
  const response = await fetch(new URL('/v1/events', url), { method: 'POST', headers, body });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

async function ask(url: string, query: unknown): Promise<Record<string, unknown>[]> {
  const address = new URL('/cubejs-api/v1/load', url);
  address.searchParams.set('query', JSON.stringify(query));
  for (;;) {
    const response = await fetch(address);
    const { data, error } = (await response.json()) as { data?: Record<string, unknown>[]; error?: string };
    if (data !== undefined) return data;
    assert.ok(response.status === 503 || error === 'Continue wait', `${response.status}: ${error}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('an event is answered once it is durable, counted once, and survives a restart', async () => {
  const { body } = new EventSource({ seed: 3, idPrefix: 'e' }).batch(500, Date.now());
  {
    await using server = await start({ data: 'once' });
    const first = await post(server.url, body);
    assert.equal(first.status, 202);
    assert.deepEqual(first.answer, { received: 500, accepted: 500, duplicates: 0, rejected: [] });
    const second = await post(server.url, body);
    assert.deepEqual(second.answer, { received: 500, accepted: 0, duplicates: 500, rejected: [] });
    await (await PageSession.open(server.url)).untilLoaded();
    assert.deepEqual(await ask(server.url, { measures: ['hours.total_events'] }), [
      { 'hours.total_events': '500' },
    ]);
  }
  await using server = await start({ data: 'once' });
  const third = await post(server.url, body);
  assert.deepEqual(third.answer, { received: 500, accepted: 0, duplicates: 500, rejected: [] });
  assert.deepEqual(await ask(server.url, { measures: ['hours.total_events'] }), [
    { 'hours.total_events': '500' },
  ]);
});

test('REST and GraphQL give the same figures as the events that were sent', async () => {
  await using server = await start({ data: 'same' });
  const { body } = new EventSource({ seed: 4, idPrefix: 'g' }).batch(2000, Date.now());
  await post(server.url, body);
  await (await PageSession.open(server.url)).untilLoaded();
  const expected = new Map<string, number>();
  for (const line of body.split('\n')) {
    const { event_type: type } = JSON.parse(line) as { event_type: string };
    expected.set(type, (expected.get(type) ?? 0) + 1);
  }
  const rows = await ask(server.url, { measures: ['hours.total_events'], dimensions: ['hours.event_type'] });
  const rest = new Map(rows.map((row) => [row['hours.event_type'], Number(row['hours.total_events'])]));
  assert.deepEqual(rest, expected);

  const response = await fetch(new URL('/cubejs-api/graphql', server.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ cube { hours { event_type total_events } } }' }),
  });
  const { data } = (await response.json()) as {
    data: { cube: { hours: { event_type: string; total_events: number } }[] };
  };
  const graph = new Map(data.cube.map(({ hours }) => [hours.event_type, hours.total_events]));
  assert.deepEqual(graph, expected);
});

test('a second process on the same data folder is refused, by name, and harms nothing', async () => {
  await using server = await start({ data: 'locked' });
  await assert.rejects(start({ data: 'locked' }), (error: Error) => {
    assert.match(error.message, /LOG_LOCKED/);
    assert.ok(error.message.includes(join(folder, 'locked')), error.message);
    assert.match(error.message, new RegExp(String(server.pid)));
    return true;
  });
  const { body } = new EventSource({ seed: 5, idPrefix: 'l' }).batch(10, Date.now());
  assert.equal((await post(server.url, body)).status, 202);
});

test('a port that is taken is named when it was asked for', async () => {
  await using server = await start({ data: 'port-a' });
  const { port } = new URL(server.url);
  await assert.rejects(start({ data: 'port-b', args: ['--port', port] }), (error: Error) => {
    assert.match(error.message, /HTTP_PORT_TAKEN/);
    assert.match(error.message, new RegExp(port));
    return true;
  });
});

test('a broken project file is named with what is wrong', async () => {
  const project = join(folder, 'broken');
  await cp(storefront, project, { recursive: true, filter: (path) => !/node_modules|\.millrace/.test(path) });
  await symlink(join(root, 'node_modules'), join(project, 'node_modules'));
  await writeFile(
    join(project, 'events/visit.ts'),
    "import { defineEvent } from 'millrace';\nexport const x = defineEvent(",
  );
  await assert.rejects(start({ data: 'broken-data', project }), (error: Error) => {
    assert.match(error.message, /events\/visit\.ts/);
    assert.match(error.message, /Remedy:/);
    return true;
  });
});

test('a folder without a project says how to make one', async () => {
  await assert.rejects(start({ data: 'none', project: folder }), /PROJECT_NOT_FOUND[\s\S]*millrace init/);
});
