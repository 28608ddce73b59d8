import assert from 'node:assert/strict';
import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { chromiumCommand } from '@millrace/testkit/engines';
import { ServerProcess } from '@millrace/testkit/load';
import { type Browser, chromium, type Page } from 'playwright-core';

const root = join(import.meta.dirname, '../../..');
const located = chromiumCommand();
const skip = 'absent' in located ? located.absent : false;

/** The storefront with a short history, and its incidents one after the other within a minute and a half. */
const CONFIG = `import { defineProject } from 'millrace';

export default defineProject({
  name: 'storefront',
  topics: { events: { partitions: 4 }, page_pings: { partitions: 4, keyed: false } },
  companions: [{ name: 'shoppers', script: 'simulator/main.ts', args: ['--history', '4000', '--incidents', '${JSON.stringify(
    { cycleS: 900, fraudAtS: 15, slowFromS: 16, slowToS: 50, silentFromS: 60, silentToS: 120 },
  )}'] }],
});
`;

suite('the storefront in a browser', { skip }, () => {
  let folder: string;
  let server: ServerProcess;
  let browser: Browser;
  let page: Page;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-storefront-'));
    const project = join(folder, 'project');
    const filter = (path: string) => !/node_modules|\.millrace$/.test(path);
    await cp(join(root, 'examples/storefront'), project, { recursive: true, filter });
    await symlink(join(root, 'node_modules'), join(project, 'node_modules'));
    await writeFile(join(project, 'millrace.config.ts'), CONFIG);
    server = await ServerProcess.start({ project, data: join(folder, 'data') });
    browser = await chromium.launch({
      executablePath: 'path' in located ? located.path : '',
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
      ],
    });
    page = await browser.newPage();
    await page.goto(server.url);
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  const tile = (title: string) =>
    page.getByRole('region', { name: title }).or(page.getByRole('article', { name: title }));

  test('the dashboard moves', async () => {
    const events = tile('Events per second');
    await events
      .getByText(/\d+\/s/)
      .first()
      .waitFor();
    const first = await events.innerText();
    await page.waitForFunction(
      ([title, before]) => {
        const tiles = [...document.querySelectorAll('article, section')];
        return tiles.some(
          (each) => each.textContent?.includes(title ?? '') && (each as HTMLElement).innerText !== before,
        );
      },
      ['Events per second', first],
    );
    await tile('Revenue today')
      .getByText(/€[\d,]+/)
      .first()
      .waitFor({ timeout: 60_000 });
  });

  test('planted fraud is named', async () => {
    const frauds = tile('Fraud alerts');
    await frauds.getByText('u-mallory').waitFor({ timeout: 60_000 });
    await frauds.getByText('u-trudy').waitFor();
  });

  test('the slow-down is noticed, the unkeyed topic grows, the keyed one is refused', async () => {
    const alerts = tile('Alerts');
    await alerts.getByText('page_pings went from 4 to 8 partitions').first().waitFor({ timeout: 90_000 });
    await alerts
      .getByText(/events stays at 4 partitions/)
      .first()
      .waitFor();
  });

  test('the silence is noticed, and the silent source named', async () => {
    await tile('Alerts')
      .getByText(/shoppers is silent/)
      .first()
      .waitFor({ timeout: 120_000 });
  });

  test('nothing was reported to the console', async () => {
    const problems: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    await page.reload();
    await tile('Events per second')
      .getByText(/\d+\/s/)
      .first()
      .waitFor();
    assert.deepEqual(problems, []);
  });
});
