/** With a query secret: tokens ask in their own name, the page in the name of `auth.pageClaims`. */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveView } from '@millrace/core/live/reader';
import { PageSession, ServerProcess } from '@millrace/testkit/load';

const filesOf = (pageClaims: object): Readonly<Record<string, string>> => ({
  'package.json': '{"type":"module"}',
  'millrace.config.ts': `import { defineProject } from 'millrace';
export default defineProject({
  name: 'tenants',
  auth: { querySecret: 'a secret of thirty-two characters', pageClaims: ${JSON.stringify(pageClaims)} },
  http: { allowedHosts: ['tenants.example'] },
});
`,
  'events/order.ts': `import { defineEvent, Type } from 'millrace';
export const order = defineEvent({
  name: 'order', version: 1, topic: 'orders', key: 'tenant', schema: Type.Object({ tenant: Type.String() }),
});
`,
  'semantic/orders.yml': `cubes:
  - name: orders
    sql_table: raw.raw_orders
    measures: [{ name: count, type: count }]
    dimensions: [{ name: tenant, sql: tenant, type: string }]
    access_policy:
      - group: "*"
        member_level: { includes: "*" }
        row_level: { filters: [{ member: tenant, operator: equals, values: ["{ securityContext.tenant }"] }] }
`,
});

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function projectWith(pageClaims: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-claims-'));
  folders.push(folder);
  for (const [path, text] of Object.entries(filesOf(pageClaims))) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await mkdir(join(folder, 'node_modules'));
  await symlink(join(import.meta.dirname, '..'), join(folder, 'node_modules/millrace'));
  return folder;
}

async function sendOrders(url: string): Promise<void> {
  const events = ['acme', 'acme', 'globex'].map((tenant, i) => {
    return { event_id: String(i), event_type: 'order', event_timestamp: new Date().toISOString(), tenant };
  });
  const sent = await fetch(new URL('/v1/events', url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(events),
  });
  assert.equal(sent.status, 202, await sent.text());
}

/** The first answer of the page's live query, once everything is loaded. */
async function ordersOnPage(page: PageSession): Promise<LiveView> {
  const stop = new AbortController();
  let seen: LiveView | undefined;
  await page.follow(
    { orders: { source: 'metrics', measures: ['orders.count'], dimensions: ['orders.tenant'] } },
    {
      signal: stop.signal,
      onView(_id, view) {
        if (view.status !== 'current' && view.status !== 'failed') return;
        seen = view;
        stop.abort();
      },
    },
  );
  assert.ok(seen !== undefined);
  return seen;
}

/** As a proxy asks: by a name of its own. */
function statusFor(url: string, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get(new URL('/v1/figures', url), { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject);
  });
}

for (const { claims, rows } of [
  { claims: { tenant: 'acme' }, rows: [['acme', 2]] },
  { claims: {}, rows: [] },
]) {
  test(`the page with the claims ${JSON.stringify(claims)}; nobody else without a token`, async () => {
    const folder = await projectWith(claims);
    await using server = await ServerProcess.start({ project: folder, data: join(folder, 'data') });
    const { url } = server;
    await sendOrders(url);
    while ((await fetch(new URL('/readyz', url))).status !== 200) await sleep(50);
    const page = await PageSession.open(url);
    await page.untilLoaded();
    assert.deepEqual((await ordersOnPage(page)).result?.rows, rows);
    const asked = new URL('/cubejs-api/v1/load?query={"measures":["orders.count"]}', url);
    assert.equal((await fetch(asked)).status, 403);
    assert.equal(await statusFor(url, 'tenants.example'), 200);
    assert.equal(await statusFor(url, 'others.example'), 421);
  });
}
