/** The contract of a project with data changes between two starts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ServerProcess } from '@millrace/testkit/load';

const main = fileURLToPath(import.meta.resolve('millrace/main'));

let project: string;
let data: string;
before(async () => {
  project = await mkdtemp(join(tmpdir(), 'millrace-contract-'));
  data = join(project, '.millrace/data');
  await mkdir(join(project, 'events'));
  await mkdir(join(project, 'node_modules'));
  await symlink(join(import.meta.dirname, '..'), join(project, 'node_modules/millrace'));
  await writeFile(join(project, 'package.json'), '{"type":"module"}');
  await writeFile(
    join(project, 'millrace.config.ts'),
    `import { defineProject } from 'millrace';\nexport default defineProject({ name: 'orders' });\n`,
  );
});
after(() => rm(project, { recursive: true, force: true }));

const writeContract = (version: number, fields: string) =>
  writeFile(
    join(project, 'events/order.ts'),
    `import { defineEvent, Type } from 'millrace';
export const order = defineEvent({
  name: 'order', version: ${version}, topic: 'orders', key: 'shop', schema: Type.Object({ ${fields} }),
});
`,
  );

async function send(url: string, fields: object): Promise<number> {
  const event = { event_type: 'order', event_timestamp: new Date().toISOString(), ...fields };
  const sent = await fetch(new URL('/v1/events', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  });
  return sent.status;
}

async function json(url: string, path: string): Promise<Record<string, unknown>> {
  return (await (await fetch(new URL(path, url))).json()) as Record<string, unknown>;
}

function check(): { status: number | null; output: string } {
  const command = [main, 'check', project];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

test('a change that stored events do not allow is refused, and starts with a raised version', async (t) => {
  const record = join(data, 'contracts.json');
  await t.test('the first start remembers its contracts and publishes them', async () => {
    await writeContract(1, 'shop: Type.String(), amount: Type.Integer()');
    await using server = await ServerProcess.start({ project, data });
    assert.equal(await send(server.url, { event_id: '1', shop: 'a', amount: 1 }), 202);
    const one = await json(server.url, '/v1/contracts/order');
    assert.deepEqual([one['name'], one['version'], one['topic']], ['order', 1, 'orders']);
    assert.deepEqual(await json(server.url, '/v1/contracts'), { contracts: [one] });
    const absent = await fetch(new URL('/v1/contracts/refund', server.url));
    assert.equal(absent.status, 404);
    assert.match(await absent.text(), /no event type 'refund': order/);
  });
  const first = await readFile(record, 'utf8');

  await t.test('the same version without a field: start and check say so, nothing changes', async () => {
    await writeContract(1, 'shop: Type.String()');
    const words =
      /CONTRACT_INCOMPATIBLE: Event 'order' \(events\/order\.ts\), version 1: \/amount .*raise the/;
    await assert.rejects(ServerProcess.start({ project, data }), (error: Error) => {
      assert.match(error.message, words);
      assert.match(error.message, /Remedy: Raise the version/);
      return true;
    });
    assert.equal(await readFile(record, 'utf8'), first);
    const { status, output } = check();
    assert.equal(status, 1, output);
    assert.match(output, words);
    assert.match(output, /1 problem\./);
    assert.equal(await readFile(record, 'utf8'), first);
  });

  await t.test('with a raised version it starts and takes events', async () => {
    await writeContract(2, 'shop: Type.String()');
    const { status, output } = check();
    assert.equal(status, 0, output);
    await using server = await ServerProcess.start({ project, data });
    assert.equal(await send(server.url, { event_id: '2', shop: 'b' }), 202);
    assert.equal((await json(server.url, '/v1/contracts/order'))['version'], 2);
  });

  await t.test('the field cannot come again as another column', async () => {
    await writeContract(3, 'shop: Type.String(), amount: Type.Optional(Type.String())');
    const refused = /\/amount would turn its column from bigint to varchar/;
    await assert.rejects(ServerProcess.start({ project, data }), refused);
  });

  await t.test('a damaged record is named', async () => {
    await writeContract(2, 'shop: Type.String()');
    const whole = await readFile(record, 'utf8');
    await writeFile(record, whole.slice(0, 100));
    await assert.rejects(
      ServerProcess.start({ project, data }),
      /CONTRACT_RECORD_UNREADABLE: .*contracts\.json/,
    );
    await writeFile(record, whole);
    await using server = await ServerProcess.start({ project, data });
    assert.equal((await json(server.url, '/v1/contracts/order'))['version'], 2);
  });
});
