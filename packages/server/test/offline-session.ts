/**
 * What `offline.test.ts` does inside its namespace: the storefront with its shoppers, until metrics answer.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PageSession, ServerProcess } from '@millrace/testkit/load';

const [data] = process.argv.slice(2) as [string];
const project = join(import.meta.dirname, '../../../examples/storefront');
await using server = await ServerProcess.start({ project, data });
const page = await PageSession.open(server.url);
for (let attempt = 0; ; attempt++) {
  const figures = await page.get<Record<string, number>>('/v1/figures');
  const meta = await page.get<{ status: { state: string } }>('/v1/meta');
  if ((figures['loaded'] ?? 0) > 10_000 && meta.status.state === 'ready') break;
  if (attempt > 200) throw new Error(`not ready: ${JSON.stringify({ figures, meta })}`);
  await delay(200);
}
const query = encodeURIComponent(JSON.stringify({ measures: ['hours.total_events'] }));
const answer = await page.get<{ data: Record<string, string>[] }>(`/cubejs-api/v1/load?query=${query}`);
if (!(Number(answer.data[0]?.['hours.total_events']) > 0)) throw new Error(JSON.stringify(answer));
console.log('events loaded, metrics answered');
