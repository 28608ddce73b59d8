import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test, type TestContext } from 'node:test';
import { ServerProcess } from '@millrace/testkit/load';
import type { Page } from 'playwright-core';
import { BrowserSession, said, tile, withoutBrowser } from './browser-session.ts';

const project = join(import.meta.dirname, '../../../examples/storefront');
// Everything that is planted within the first 15 minutes, within one.
const incidents = { fraudAtS: 3, slowFromS: 8, slowToS: 35, silentFromS: 45, silentToS: 70 };
const incidentTimeoutMs = 90_000;

describe('the storefront', { skip: withoutBrowser }, () => {
  let folder: string;
  let server: ServerProcess;
  let session: BrowserSession;
  let shoppers: ReturnType<typeof spawn> | undefined;

  const start = (...args: string[]) =>
    ServerProcess.start({ project, data: join(folder, 'data'), args: ['--no-companions', ...args] });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-storefront-'));
    server = await start();
    session = await BrowserSession.start(() => server.url);
    const script = join(project, 'simulator', 'main.ts');
    const options = ['--url', server.url, '--state', folder, '--history', '20000'];
    shoppers = spawn(process.execPath, [script, ...options, '--incidents', JSON.stringify(incidents)], {
      stdio: 'inherit',
    });
  });
  after(async () => {
    await session?.close();
    if (shoppers?.exitCode === null) {
      shoppers.kill();
      await once(shoppers, 'exit');
    }
    await server?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  /** For what takes its time on a busy machine. */
  async function openPatiently(t: TestContext, path = '/'): Promise<Page> {
    const page = await session.open(t, path);
    page.setDefaultTimeout(incidentTimeoutMs);
    return page;
  }

  test('moves, from the streams and from the marts', async (t) => {
    const page = await openPatiently(t);
    for (const title of ['Unique users today', 'Revenue today', 'Events per second']) {
      await page.waitForFunction((name) => {
        const section = [...document.querySelectorAll('section')].find(
          (element) => element.querySelector('h2')?.textContent === name,
        );
        const value = section?.querySelector('.big-number')?.textContent ?? '';
        if (!/[1-9]/.test(value)) return false;
        const seen = (section as HTMLElement).dataset;
        seen['first'] ??= value;
        return seen['first'] !== value;
      }, title);
    }
    await said(page, 'Top products today', '€');
    await tile(page, 'Activity per minute').locator('canvas').waitFor();
  });

  test('the planted fraud is on the page', async (t) => {
    const page = await openPatiently(t);
    await said(page, 'Fraud alerts', 'u-mallory');
    await said(page, 'Fraud alerts', 'u-trudy');
  });

  test('both planted alerts fire, and the page says what their actions did', async (t) => {
    const page = await openPatiently(t, '/alerts');
    const history = page.getByRole('list').filter({ hasText: 'Fired' });
    await history.getByText(/^page_pings went from 4 to 8 partitions/).waitFor();
    await history
      .getByText(/^events stays at 4 partitions/)
      .first()
      .waitFor();
    await said(page, 'Low throughput', 'Firing');
    await said(page, 'Low throughput', /Last action/);
  });

  test('survives that the server is killed', async (t) => {
    const page = await openPatiently(t, '/pipeline');
    const received = page.locator('.identity .term-value').first();
    await received.waitFor();
    const { port } = new URL(server.url);
    await server.kill();
    await page.getByText(/^Reconnecting/).waitFor();
    const before = await received.textContent();
    server = await start('--port', port);
    await page.getByText('Live', { exact: true }).waitFor();
    await page.waitForFunction(
      (text) => document.querySelector('.identity .term-value')?.textContent !== text,
      before,
    );
    await page.getByText('Adds up').nth(1).waitFor();
    assert.equal(await page.getByText('Does not add up').count(), 0);
  });
});
