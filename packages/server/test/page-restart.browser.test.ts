import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { EventSource, ServerProcess } from '@millrace/testkit/load';
import { BrowserSession, withoutBrowser } from './browser-session.ts';

const project = join(import.meta.dirname, '../../../examples/storefront');

suite('the page before the real program', { skip: withoutBrowser }, () => {
  let folder: string;
  let server: ServerProcess;
  let session: BrowserSession;

  const start = (...args: string[]) =>
    ServerProcess.start({ project, data: join(folder, 'data'), args: ['--no-companions', ...args] });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-page-restart-'));
    server = await start();
    session = await BrowserSession.start(() => server.url);
  });
  after(async () => {
    await session?.close();
    await server?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  test('survives that the server is killed, and nothing that was answered is missing', async (t) => {
    const source = new EventSource({ seed: 5, idPrefix: 'p' });
    const send = async () => {
      const { body } = source.batch(200, Date.now());
      const headers = { 'content-type': 'application/x-ndjson' };
      const reply = await fetch(new URL('/v1/events', server.url), { method: 'POST', headers, body });
      assert.equal(reply.status, 202);
    };
    const page = await session.open(t, '/pipeline');
    page.setDefaultTimeout(60_000);
    const stored = page.locator('.identity').nth(1).locator('.term-value').first();
    await send();
    await stored.getByText('200', { exact: true }).waitFor();
    const { port } = new URL(server.url);
    await server.kill();
    await page.getByText(/^Reconnecting/).waitFor();
    server = await start('--port', port);
    await page.getByText('Live', { exact: true }).waitFor();
    await send();
    await stored.getByText('400', { exact: true }).waitFor();
    await page.getByText('Adds up').nth(1).waitFor();
    assert.equal(await page.getByText('Does not add up').count(), 0);
  });
});
